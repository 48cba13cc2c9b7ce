"""What protects every way in: limits, headers, users, slow connections, and the end of the server."""
