"""Long runs that count what became of each job and mail."""
