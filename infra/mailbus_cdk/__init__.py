"""The deployment: CDK constructs and stacks."""
