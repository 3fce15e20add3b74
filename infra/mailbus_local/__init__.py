"""The same stacks on an embedded AWS, with a simulated SES."""
