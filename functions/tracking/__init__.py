"""Puts SES's events of sent mail on the bus, normalized."""
