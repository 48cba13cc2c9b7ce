"""Bulk jobs: verdicts on any number of photos, in parts that are kept if the job is killed."""
