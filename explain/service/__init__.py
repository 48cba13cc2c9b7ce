"""Shared by all interfaces: queue, example cache, uploads, safe fetching and refusals."""
