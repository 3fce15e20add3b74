"""The sending rate that all workers share."""
