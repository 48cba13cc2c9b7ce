"""Labelled pictures on disk: layouts, reading, splits and duplicates."""
