"""How long things take in the simulation, in seconds; each varies by a factor drawn from its spread."""

from __future__ import annotations

from typing import Final

# Processor time. Together a mail takes what `make bench` measures with an SES that takes 50 ms, rounded up:
# 2.0 ms, in batches of ten. How it divides is an assumption: a client's call is mostly botocore's work; a
# message is read, checked and composed, and its event is made.
MESSAGE_CPU: Final = 0.0005
SES_CPU: Final = 0.0010
CALL_CPU: Final = 0.0005
ITEM_CPU: Final = 0.00005

# Of an event, beside the calls as above, which come to 12 ms of a processor for a hundred in tracking and 62
# in the timeline: 17 and 97 together, where `make bench` measures 16 and 93.
TRACKED_CPU: Final = 0.00005
RECORDED_CPU: Final = 0.00035

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
FULL_PROCESSOR_MB: Final = 1769
# the lines START, END and REPORT of an invocation
LAMBDA_LOG_BYTES: Final = 340

Spread = tuple[float, float]
# The times of calls are assumptions, too: AWS does not say how long they take. The mean to DynamoDB and back
# is the scenario's.
DYNAMODB_SPREAD: Final[Spread] = (0.6, 1.4)
SES_SECONDS: Final = 0.060
SES_SPREAD: Final[Spread] = (0.6, 1.8)
# when SES counts a mail, after the call began
SES_ARRIVAL: Final[Spread] = (0.003, 0.020)
ACCOUNT_SECONDS: Final = 0.030
EVENTS_SECONDS: Final = 0.015
SQS_SECONDS: Final = 0.010
OTHER_SPREAD: Final[Spread] = (0.7, 1.5)

# Lambda's pollers: between two receives of a worker, and after one that was empty
POLL_SECONDS: Final = 0.020
EMPTY_POLL_SECONDS: Final = 0.030
POLL_SPREAD: Final[Spread] = (0.5, 1.5)
# a lane's workers begin within this time
START_SECONDS: Final = 1.0
