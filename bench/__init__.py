"""Benchmarks: each a ratio against a baseline, measured alternately within the same minute."""
