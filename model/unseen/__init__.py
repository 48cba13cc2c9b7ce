"""Measures a model on sources and generators that it never saw."""
