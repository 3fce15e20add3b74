"""Builds the parameters of calls to SES, makes the calls, and classifies their errors."""
