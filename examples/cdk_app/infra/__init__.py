"""The shop's own stacks."""
