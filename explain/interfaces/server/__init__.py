"""What protects every interface: limits, headers, users, slow connections, and the end of the server."""
