"""SNS over HTTPS: messages of topics in other accounts or regions, checked, into the queues."""
