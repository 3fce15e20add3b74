"""The modules of this function that call AWS."""
