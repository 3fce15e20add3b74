"""Sets up a stage: its settings in `mailbus.toml`, and its records in DNS."""
