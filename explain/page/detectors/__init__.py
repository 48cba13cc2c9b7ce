"""The page's further detectors: a second one beside the first, and those that visitors bring."""
