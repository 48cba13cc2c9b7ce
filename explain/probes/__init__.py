"""Predictions for changed versions of a face: what-if and robustness, as numbers."""
