"""Removes a recipient from what a stage stores, and says what else may have the address."""
