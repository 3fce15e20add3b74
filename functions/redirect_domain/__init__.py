"""Sets the custom domain of tracked links on a configuration set, as soon as SES has verified the domain."""
