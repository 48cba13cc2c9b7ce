"""Builds Keras networks and writes them as model folders."""
