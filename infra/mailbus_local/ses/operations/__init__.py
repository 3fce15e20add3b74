"""The API operations that the simulator answers itself, one module each."""
