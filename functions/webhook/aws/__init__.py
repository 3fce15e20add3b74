"""The edges to AWS of this function alone."""
