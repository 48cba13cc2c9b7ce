"""Metrics, charts, calibration and robustness of a model."""
