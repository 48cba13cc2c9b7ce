"""Decodes photos, finds and crops faces, and changes pictures: corruptions, degradation, self-blending."""
