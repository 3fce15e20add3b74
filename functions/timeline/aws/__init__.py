"""The edges to AWS that only this function has."""
