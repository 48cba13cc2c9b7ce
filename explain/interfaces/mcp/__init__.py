"""The way in for assistants (MCP)."""
