"""What the simulator knows: the account, its limits, accepted messages, and resources read from MiniStack."""
