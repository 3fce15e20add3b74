"""A custom resource's call, and the answer that CloudFormation waits for.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger

Activity = Literal["Create", "Update", "Delete"]

REASON_CHARACTERS: Final = 1000
PHYSICAL_ID_BYTES: Final = 1024
PUT_ATTEMPTS: Final = 4
PUT_TIMEOUT_SECONDS: Final = 10.0

PROPERTIES: Final = "ResourceProperties"
OLD_PROPERTIES: Final = "OldResourceProperties"

T = TypeVar("T", bound=msgspec.Struct)


class Call(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What is needed to answer, whatever else the call holds."""

    request_type: Activity
    response_url: str = msgspec.field(name="ResponseURL")
    stack_id: str
    request_id: str
    logical_resource_id: str
    physical_resource_id: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The answer to a call."""

    status: Literal["SUCCESS", "FAILED"]
    reason: str
    physical_resource_id: str
    stack_id: str
    request_id: str
    logical_resource_id: str


def parse_call(event: dict[str, Any]) -> Call:
    """Read who asks and where to answer; raises `msgspec.ValidationError` on what is no call."""
    return msgspec.convert(event, Call)


def parse_properties(event: dict[str, Any], kind: type[T], *, key: str = PROPERTIES) -> T:
    """Read the resource's properties, or with `OLD_PROPERTIES` those that an update replaces.

    CloudFormation hands every value over as a string. A property that is missing or wrong is a
    `ConfigurationError`.
    """
    try:
        return msgspec.convert(event.get(key), kind)
    except msgspec.ValidationError as error:
        reason = f"{key} of {event.get('LogicalResourceId')}: {error}"
        raise ConfigurationError(reason) from error


def answer(call: Call, physical_id: str, failure: str | None = None) -> Answer:
    """Answer a call; with a failure's reason, as failed."""
    return Answer(
        status="FAILED" if failure else "SUCCESS",
        reason=(failure or "")[:REASON_CHARACTERS],
        physical_resource_id=physical_id,
        stack_id=call.stack_id,
        request_id=call.request_id,
        logical_resource_id=call.logical_resource_id,
    )


def reason(error: Exception) -> str:
    """Say what went wrong, for whoever deploys."""
    return f"{type(error).__name__}: {error}"


def served(act: Callable[[], Answer], call: Call, *, nothing: str, log: Logger) -> Answer:
    """Answer whatever happens: CloudFormation waits an hour for an answer that does not come.

    A resource that never came to be is called `nothing`.
    """
    try:
        return act()
    except Exception as error:
        log.exception("not done", request_type=call.request_type)
        return answer(call, call.physical_resource_id or nothing, reason(error))


def deliver(url: str, reply: Answer, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Put the answer where CloudFormation waits for it, trying again where that fails."""
    # The signature of the URL covers an empty content type.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        url, data=msgspec.json.encode(reply), method="PUT", headers={"Content-Type": ""}
    )
    for attempt in range(1, PUT_ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=PUT_TIMEOUT_SECONDS):  # noqa: S310 - as above
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            if attempt == PUT_ATTEMPTS:
                raise
            sleep(attempt)
