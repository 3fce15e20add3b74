"""The CDK app: settings, constructs, stacks."""
