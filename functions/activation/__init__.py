"""Activates a receipt rule set when a stack is deployed, and undoes that when the stack is deleted."""
