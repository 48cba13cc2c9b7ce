"""Compares, compresses and tunes models."""
