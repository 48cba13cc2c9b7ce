"""Divides a face into named regions, and hides regions."""
