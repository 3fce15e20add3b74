"""Measurements: each a ratio against a baseline that runs beside it, in turn, in the same minute."""
