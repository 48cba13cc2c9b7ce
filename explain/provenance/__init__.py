"""Reads what a photo's file says about where the picture comes from."""
