"""Runs the page and plain HTTP on many replicas behind Ray Serve."""
