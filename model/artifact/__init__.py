"""The model folder as data: its card, files, digests and preprocessing."""
