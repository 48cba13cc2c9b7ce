"""Bulk jobs: verdicts on any number of photos, in parts that outlive a kill."""
