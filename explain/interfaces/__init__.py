"""The interfaces beside the page, one file each; none imports another."""
