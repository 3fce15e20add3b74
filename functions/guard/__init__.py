"""The guard: pauses the bulk lane when SES's reputation metrics of the account reach a limit."""
