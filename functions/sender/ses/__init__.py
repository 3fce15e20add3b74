"""The calls of SES: built from a job, made, and their errors explained."""
