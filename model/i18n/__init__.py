"""Texts and numbers in the reader's language, and which language that is."""
