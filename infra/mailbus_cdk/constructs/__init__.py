"""The constructs of the deployment, one noun a file."""
