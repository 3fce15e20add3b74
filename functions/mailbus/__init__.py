"""Mailbus: Amazon SES as an event-driven mail service."""

__version__ = "0.1.0"
