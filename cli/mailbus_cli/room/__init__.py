"""The mail room: one local page for the system on this machine, and for a stage in an account."""
