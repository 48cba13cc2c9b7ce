"""The same face changed and asked again: what-if and robustness, as numbers."""
