"""Converts published weights into files from which our networks start; each command runs once."""
