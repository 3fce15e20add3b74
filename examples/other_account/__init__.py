"""Consumers of Mailbus's events in another account, as a CDK app."""
