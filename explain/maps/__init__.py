"""One file per explanation method, and their registry."""
