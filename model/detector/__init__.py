"""Runs a model folder: engine, probabilities and attention mask."""
