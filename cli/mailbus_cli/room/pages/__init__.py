"""The pages of the mail room, a file each with its routes."""
