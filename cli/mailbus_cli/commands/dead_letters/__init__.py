"""Read, fix and redrive what could not be processed."""
