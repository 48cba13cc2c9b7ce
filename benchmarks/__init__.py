"""Measures WhyFake against its peers; each file prints ratios from one run and writes ``results/NAME.json``."""
