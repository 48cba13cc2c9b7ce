"""The sections of the page: each function makes the components of one."""
