"""SES's reports on sent mail, put on the bus as normalized events."""
