"""Has SES's feedback notifications of an identity come to a topic while a stack is deployed."""
