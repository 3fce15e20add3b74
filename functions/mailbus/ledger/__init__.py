"""The ledger: what is known of each job, in one DynamoDB table.

`records` are its values and the judgement on them, `items` their form in DynamoDB, `table` the calls. Each
user has a module of its own: the sender `claims`, tracking `acceptances`, the client `cancellation`.
"""
