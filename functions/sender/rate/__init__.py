"""The rate that all workers keep to together."""
