"""Trains on fakes beside their real twins, as the shipped models were trained."""
