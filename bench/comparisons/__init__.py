"""The comparisons of `make bench`: each a ratio against a baseline."""
