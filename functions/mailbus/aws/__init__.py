"""The edges to AWS that applications and functions share: all of boto3 is behind these modules."""
