"""Activates a receipt rule set when a stack is deployed, and reverts that when the stack is deleted."""
