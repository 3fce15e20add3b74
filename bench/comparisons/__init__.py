"""What `make bench` measures: each a ratio against a baseline beside it."""
