"""Sets the topic of an identity's feedback when a stack is deployed, and restores it on deletion."""
