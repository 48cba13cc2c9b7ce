"""Numbers to sentences, without HTML."""
