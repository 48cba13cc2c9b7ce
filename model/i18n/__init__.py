"""Texts and numbers in the user's language, and the choice of that language."""
