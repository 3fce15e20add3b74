"""The faults of a whole run: where each function is killed, and how the services of AWS fail.

SES's own faults are in `bench.chaos.episodes`. The webhook's authorizer has none: it only reads a secret. Nor
have the functions of custom resources (activation, identity_feedback and redirect_domain): a deployment runs
them, and CloudFormation rolls back what they fail at; a schedule runs redirect_domain every 15 minutes too.
"""

from __future__ import annotations

from typing import Final

from bench.chaos.parts import PARTIAL_OPERATIONS
from bench.chaos.plan import Rule
from mailbus.aws.sqs import WAITING_ATTRIBUTE

_SENDS: Final = ("SendEmail", "SendBulkEmail")
_WRITES: Final = ("BatchWriteItem", "UpdateItem")
_CLAIMS: Final = ("BatchExecuteStatement", "PutItem")
#: What a job's item has, other than that of the sending rate.
_JOB: Final = b'"job#'
_COPY: Final = f'"{WAITING_ATTRIBUTE}"'.encode()

#: Kills of the sender, of both lanes.
SENDER_KILLS: Final = (
    Rule(
        function="sender",
        point="after the claim",
        service="dynamodb",
        operations=_CLAIMS,
        fault="killed after",
        times=8,
        gap=70,
    ),
    Rule(
        function="sender",
        point="before SES is called",
        service="sesv2",
        operations=_SENDS,
        fault="killed before",
        times=12,
        gap=400,
    ),
    Rule(
        function="sender",
        point="after SES accepted",
        service="sesv2",
        operations=_SENDS,
        fault="killed after",
        times=12,
        gap=400,
    ),
    Rule(
        function="sender",
        point="after the ledger write",
        service="dynamodb",
        operations=_WRITES,
        content=_JOB,
        fault="killed after",
        times=12,
        gap=50,
    ),
    Rule(
        function="sender",
        point="after the events",
        service="eventbridge",
        fault="killed after",
        times=12,
        gap=60,
    ),
    Rule(
        function="sender",
        point="after the copies",
        service="sqs",
        content=_COPY,
        fault="killed after",
        times=8,
        gap=12,
    ),
)
_OTHER_KILLS: Final = (
    Rule(
        function="tracking",
        point="after the ledger write",
        service="dynamodb",
        operations=_WRITES,
        fault="killed after",
        times=10,
        gap=60,
    ),
    Rule(
        function="tracking",
        point="after the events",
        service="eventbridge",
        fault="killed after",
        times=10,
        gap=100,
    ),
    Rule(
        function="inbound",
        point="before the mail is read",
        service="s3",
        operations=("GetObject",),
        fault="killed before",
        times=2,
        gap=15,
    ),
    Rule(
        function="inbound",
        point="after a part is stored",
        service="s3",
        operations=("PutObject",),
        fault="killed after",
        times=2,
        gap=15,
    ),
    Rule(
        function="inbound",
        point="after the events",
        service="eventbridge",
        fault="killed after",
        times=2,
        gap=10,
    ),
    Rule(
        function="timeline",
        point="after the table write",
        service="dynamodb",
        operations=_WRITES,
        fault="killed after",
        times=6,
        gap=120,
    ),
    Rule(
        function="webhook",
        point="before the queue has it",
        service="sqs",
        fault="killed before",
        times=4,
        gap=30,
    ),
    Rule(
        function="webhook",
        point="after the queue has it",
        service="sqs",
        fault="killed after",
        times=4,
        gap=30,
    ),
    Rule(
        function="guard",
        point="after the lane is paused",
        service="dynamodb",
        operations=_WRITES,
        fault="killed after",
        times=1,
        gap=1,
    ),
    Rule(
        function="guard", point="after the event", service="eventbridge", fault="killed after", times=1, gap=1
    ),
)
_THROTTLED: Final = "ProvisionedThroughputExceededException"
_DYNAMODB: Final = tuple(
    rule
    for function, times, gap in (("sender", 30, 60), ("tracking", 15, 60), ("timeline", 10, 150))
    for rule in (
        Rule(
            function=function,
            service="dynamodb",
            fault="error",
            code=_THROTTLED,
            status=400,
            times=times,
            gap=gap,
        ),
        # longer than a client tries again
        Rule(
            function=function,
            service="dynamodb",
            fault="error",
            code="InternalServerError",
            status=500,
            burst=3,
            times=times // 3,
            gap=gap * 2,
        ),
        Rule(function=function, service="dynamodb", fault="cut", times=times // 3, gap=gap * 2),
        Rule(
            function=function,
            service="dynamodb",
            operations=PARTIAL_OPERATIONS,
            fault="part",
            times=times,
            gap=gap // 2,
        ),
    )
)
_EVENTBRIDGE: Final = tuple(
    rule
    for function, times, gap in (("sender", 30, 40), ("tracking", 30, 60), ("inbound", 3, 30))
    for rule in (
        Rule(function=function, service="eventbridge", fault="part", times=times, gap=gap),
        Rule(
            function=function,
            service="eventbridge",
            fault="error",
            code="ThrottlingException",
            status=400,
            times=times,
            gap=gap,
        ),
        # longer than the bus is tried again
        Rule(
            function=function,
            service="eventbridge",
            fault="error",
            code="InternalException",
            status=500,
            burst=6 if function != "inbound" else 1,
            times=max(1, times // 5),
            gap=gap * 4,
        ),
        Rule(function=function, service="eventbridge", fault="cut", times=max(1, times // 3), gap=gap * 2),
    )
)
_OTHER_ERRORS: Final = (
    Rule(
        function="sender",
        service="sqs",
        operations=("SendMessageBatch",),
        fault="error",
        code="InternalFailure",
        status=500,
        times=6,
        gap=20,
    ),
    Rule(
        function="sender",
        service="sqs",
        operations=("SendMessage",),
        fault="error",
        code="RequestThrottled",
        status=400,
        times=10,
        gap=20,
    ),
    Rule(function="sender", service="sqs", operations=PARTIAL_OPERATIONS, fault="part", times=10, gap=15),
    Rule(function="sender", service="sqs", operations=("SendMessage",), fault="cut", times=5, gap=30),
    Rule(
        function="tracking", service="sqs", fault="error", code="InternalFailure", status=500, times=5, gap=5
    ),
    # only what fails again and again is delayed by a batch
    Rule(function="tracking", service="sqs", operations=PARTIAL_OPERATIONS, fault="part", times=1, gap=1),
    Rule(
        function="webhook", service="sqs", fault="error", code="InternalFailure", status=500, times=6, gap=25
    ),
    Rule(
        function="sender", service="s3", fault="error", code="SlowDown", status=503, burst=3, times=10, gap=15
    ),
    Rule(function="sender", service="s3", fault="error", code="InternalError", status=500, times=10, gap=15),
    Rule(function="sender", service="s3", fault="cut", times=5, gap=30),
    Rule(function="inbound", service="s3", fault="error", code="SlowDown", status=503, times=10, gap=40),
    Rule(function="inbound", service="s3", fault="cut", times=4, gap=60),
    Rule(
        function="inbound",
        service="kms",
        fault="error",
        code="ThrottlingException",
        status=400,
        times=6,
        gap=20,
    ),
)
ALL: Final = (*SENDER_KILLS, *_OTHER_KILLS, *_DYNAMODB, *_EVENTBRIDGE, *_OTHER_ERRORS)
