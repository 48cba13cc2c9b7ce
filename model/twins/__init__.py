"""Makes aligned fakes of real faces, for training in pairs."""
