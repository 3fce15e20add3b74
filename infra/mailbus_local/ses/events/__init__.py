"""The events of sent mail: their JSON, and where they are published."""
