"""A simulation of the sender at any rate: its own code, against models of AWS's services, in virtual time.

`python -m bench.world 100 3 10 10` simulates an account of 100 mails a second, 3 workers with batches of 10,
and 10 ms to DynamoDB and back, and prints what `measures` counts. The same seed gives the same result.
"""
