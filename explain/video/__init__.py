"""Clips: frames are judged one by one, faces are followed, and each face gets a verdict with an interval."""
