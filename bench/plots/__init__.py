"""Plots for the documentation, as SVG."""
