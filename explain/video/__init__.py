"""A clip on the one road: its frames judged one by one, its faces followed, and a verdict per face with an interval."""
