"""Programs that a comparison runs in processes of their own."""
