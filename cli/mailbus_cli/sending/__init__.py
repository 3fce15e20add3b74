"""Jobs from files and options: read, checked as the sender checks them, and enqueued."""
