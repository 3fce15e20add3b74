"""Shared by the comparisons and the journeys."""
