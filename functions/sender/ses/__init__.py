"""SES: a job becomes the parameters of a call, the call is made, and its errors are classified."""
