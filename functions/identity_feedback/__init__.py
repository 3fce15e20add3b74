"""Has SES publish an identity's feedback to a topic while a stack exists, and undoes that afterwards."""
