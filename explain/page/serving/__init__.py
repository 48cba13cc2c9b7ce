"""Starts the server with the page and the other interfaces."""
