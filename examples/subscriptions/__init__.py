"""Consumers of Mailbus's events: rules, a function, a queue and an HTTPS endpoint, as one CDK app."""
