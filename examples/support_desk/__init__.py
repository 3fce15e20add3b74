"""A support desk on Mailbus: a function that answers received mail in its thread, as one CDK app."""
