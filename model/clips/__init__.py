"""Reads clips: their frames at even times and at scene cuts, upright, in a process of its own."""
