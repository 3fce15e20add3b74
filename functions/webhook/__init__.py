"""Receives SNS messages over HTTPS, from topics in other accounts or regions, and queues them."""
