"""The timeline: what became of each mail, for whoever asks."""
