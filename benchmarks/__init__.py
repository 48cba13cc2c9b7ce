"""Benchmarks of WhyFake's maps: speed, stability, localisation, hidden tokens, and dependence on the weights.

A benchmark with a command prints its result and writes ``results/NAME.json``; both sides of a ratio come from one run.
"""
