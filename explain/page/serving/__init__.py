"""Starts the page's server, with the other ways in beside the page."""
