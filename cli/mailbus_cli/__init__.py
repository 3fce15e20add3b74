"""The command line `mailbus`."""
