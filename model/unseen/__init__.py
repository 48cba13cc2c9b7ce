"""Measures a model on unseen sources and generators."""
