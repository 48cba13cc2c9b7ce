"""What a data folder holds, and what would spoil a training on it."""
