"""Many photos: finds, analyses and tabulates them."""
