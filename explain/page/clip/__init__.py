"""The page's tab for a clip: where it is dropped, the line that grows while it is judged, and moments to open."""
