"""Explores a data folder before training: its contents, shortcuts and duplicates."""
