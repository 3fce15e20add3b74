"""Dead letters: what cannot be processed, with the reason; read, checked, redriven and deleted."""
