"""One analysis as files: HTML, JSON, pictures and ZIP."""
