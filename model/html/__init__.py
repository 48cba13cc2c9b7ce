"""The template environment and the macros that every page, fragment and report in HTML shares."""
