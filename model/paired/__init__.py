"""Trains on pairs of a fake and its real twin; the shipped models were trained in this way."""
