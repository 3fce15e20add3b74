"""The constructs of the deployment, one resource per module."""
