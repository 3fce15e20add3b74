"""Publishes received mail: SES's notification and the mail in S3 become one `email.inbound` event."""
