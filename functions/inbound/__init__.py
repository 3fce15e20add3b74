"""Received mail to the bus: SES's notification, the mail in S3, one `email.inbound` event."""
