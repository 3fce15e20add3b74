"""The timeline function: from the events of the bus to the table of what became of each mail."""
