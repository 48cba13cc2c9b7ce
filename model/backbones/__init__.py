"""Turns other people's published weights into files that our networks start from; run once each."""
