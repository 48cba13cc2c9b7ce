"""A face cut into named regions, and what a hidden region looks like."""
