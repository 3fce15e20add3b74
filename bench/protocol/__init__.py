"""Runs the sender and the tracker with services that fail, on virtual time, and looks for what goes wrong.

The code is the real one. Its processes die at any call, answers are lost, messages come twice and late; all
of it follows from one seed. `python -m bench.protocol --seed N` runs one schedule and says what became of it.
"""
