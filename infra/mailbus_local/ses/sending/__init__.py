"""The path of a message through SES: validation, rendering, acceptance."""
