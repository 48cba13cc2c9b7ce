"""Makes aligned fakes from real faces, for training in pairs."""
