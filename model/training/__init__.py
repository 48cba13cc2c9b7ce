"""Trains networks on labelled pictures."""
