"""A module for each command, with a function of its name: `env.py` has `env`.

Its docstring is the command's help. What it needs beyond the standard library is imported when it runs, so
that `mailbus --help` is quick.
"""
