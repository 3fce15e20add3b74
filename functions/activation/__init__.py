"""Makes a receipt rule set the active one while a stack is deployed, and undoes it when the stack goes."""
