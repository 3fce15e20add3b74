"""A shop: it mails a confirmation of each order, and keeps what becomes of it."""
