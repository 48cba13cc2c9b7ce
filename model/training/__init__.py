"""From data and a network to weights."""
