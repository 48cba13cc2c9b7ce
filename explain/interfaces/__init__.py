"""One file per way in that is not the page; none imports another."""
