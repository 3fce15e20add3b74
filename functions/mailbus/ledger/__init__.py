"""The ledger: what is known of each job, in one DynamoDB table."""
