"""The simulated SES: accepts, refuses, publishes and receives as Amazon SES is documented to."""
