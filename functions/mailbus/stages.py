"""The names in SSM's parameter store under which a stage's resources are found.

The stacks write each of their outputs there too, as `/mailbus/<stage>/<OutputName>`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, get_args

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

Lane = Literal["transactional", "bulk"]

STAGE_PATTERN: Final = r"^[a-z][a-z0-9-]{0,23}$"
#: The stage that `mailbus local` deploys to the embedded AWS.
LOCAL: Final = "local"
#: The output with the URL of each lane's queue.
QUEUE_URLS: Final[Mapping[Lane, str]] = {"transactional": "SendQueueUrl", "bulk": "BulkQueueUrl"}
#: The output with the URL of each dead-letter queue; those of received mail and the timeline are optional.
DEAD_LETTER_QUEUE_URLS: Final[Mapping[str, str]] = {
    "send": "SendDeadLetterQueueUrl",
    "tracking": "TrackingDeadLetterQueueUrl",
    "inbound": "InboundDeadLetterQueueUrl",
    "timeline": "TimelineDeadLetterQueueUrl",
}
#: The output with the name of the timeline's table; only of a stage that keeps one.
TIMELINE_TABLE: Final = "TimelineTableName"
#: The lane of mail that a user is waiting for.
TRANSACTIONAL: Final = "transactional"
LANES: Final[tuple[Lane, ...]] = get_args(Lane)


def parameter_name(stage: str, output: str) -> str:
    """Return the name of the parameter with an output of a stage."""
    return f"/mailbus/{stage}/{output}"


def alarm_description(stage: str, name: str, meaning: str) -> str:
    """Return the description of an alarm, by which its stage and name are found: CloudFormation names it.

    It ends with the section that says what to do.
    """
    return f"Mailbus {stage} {name}: {meaning}. What to do: {name} in docs/runbook.md"


def check_stage(stage: object) -> None:
    """Raise `ConfigurationError` if nothing can be the stage of that name."""
    if not (isinstance(stage, str) and re.fullmatch(STAGE_PATTERN, stage, re.ASCII)):
        reason = f'stage must be the name of a stage in mailbus.toml, such as "prod" (it is {stage!r})'
        raise ConfigurationError(reason)


def check_lane(lane: object) -> None:
    """Raise `ConfigurationError` if there is no such lane."""
    if lane not in LANES:
        reason = f'lane must be "transactional" or "bulk" (it is {lane!r})'
        raise ConfigurationError(reason)
