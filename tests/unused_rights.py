"""The rights that a run of tests/e2e does not use, each with its reason."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

import msgspec

POLLER: Final = "Lambda reads the queue by this role; the embedded AWS reads by itself"
#: The queues that Lambda reads for each role.
READ: Final = {
    "*SenderRole*": "*Sending*",
    "*TrackerRole*": "*Tracking*",
    "*ReaderRole*": "*Inbound*",
    "*RecorderRole*": "*Timeline*",
}
LOGS: Final = "Lambda writes the log by this role; the embedded AWS writes by itself"


class Unused(msgspec.Struct, frozen=True, kw_only=True):
    """Rights by patterns of role, action and resource, in ARNs or construct paths, and why none is used.

    Those with `sometimes` are used in some runs, depending on when messages meet.
    """

    role: str
    action: str
    resource: str = "*"
    reason: str
    sometimes: bool = False

    def __str__(self) -> str:
        return f"{self.role} {self.action} {self.resource}"


UNUSED: Final = (
    Unused(role="*", action="logs:CreateLogStream", reason=LOGS),
    Unused(role="*", action="logs:PutLogEvents", reason=LOGS),
    *(
        Unused(role=role, action=f"sqs:{action}", resource=queues, reason=POLLER)
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        for role, queues in READ.items()
    ),
    Unused(
        role="*SchedulingRole*",
        action="sqs:SendMessage",
        reason="EventBridge Scheduler sends by this role; the embedded AWS sends by itself",
    ),
    Unused(
        role="*SenderRole*",
        action="iam:PassRole",
        reason="not evaluated here; tests/infra/test_policies.py evaluates it",
    ),
    Unused(
        role="*SenderRole*",
        action="ses:SendRawEmail",
        resource="*:template/*",
        reason="all actions that send have the same resources",
    ),
    Unused(
        role="*SenderRole*",
        action="s3:GetObjectVersion",
        reason="only for jobs that name a version of an object",
    ),
    Unused(
        role="*SenderRole*",
        action="s3:PutObject",
        resource="*/jobs/*",
        reason="only for a job that outgrows a message while it waits",
        sometimes=True,
    ),
    Unused(
        role="*SenderRole*",
        action="sqs:ChangeMessageVisibility",
        reason="only if SQS takes no copy of a job that waits",
        sometimes=True,
    ),
    Unused(
        role="*Guard*",
        action="sqs:SendMessage",
        reason="Lambda sends events by this role that the function fails for; the embedded AWS drops them",
    ),
    Unused(
        role="*IdentityFeedback*",
        action="ses:SetIdentityFeedbackForwardingEnabled",
        reason="only if an identity is removed from `tracking.notified_identities`",
    ),
)


def find(role: str, action: str, resource: str) -> Unused | None:
    """Return the first entry for a right, None if there is none."""
    return next(
        (
            unused
            for unused in UNUSED
            if fnmatchcase(role, unused.role)
            and fnmatchcase(action, unused.action)
            and fnmatchcase(resource, unused.resource)
        ),
        None,
    )
