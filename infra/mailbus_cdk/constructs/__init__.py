"""The constructs that the deployment is made of, one noun a file."""
