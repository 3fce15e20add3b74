"""The send job: its contract, how it is read and checked, how it becomes a message of the send queue."""
