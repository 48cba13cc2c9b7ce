"""HTML fragments that page and report share."""
