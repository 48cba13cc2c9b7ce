"""Why the detector decided as it did: attributions, and how far each can be trusted."""
