"""A model's card in sentences and tables."""
