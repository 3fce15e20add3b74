"""The edges to AWS that only the sender uses."""
