"""How long things take in the simulation, in seconds; each varies by a factor drawn from its spread."""

from __future__ import annotations

from typing import Final

# Processor time. Together a mail takes what `make bench` measures of a worker: 4.0 ms, in batches of ten. How
# it divides is an assumption: a client's call is mostly botocore's work; a message is read, checked and
# composed, and its event is made.
MESSAGE_CPU: Final = 0.0010
SES_CPU: Final = 0.0020
CALL_CPU: Final = 0.0010
ITEM_CPU: Final = 0.0001

# A hundred events take 20 ms of a processor in tracking, and 120 in the timeline, as `make bench` measured.
# The calls as above come to 24 and 124, so nothing is added for the events themselves.
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
