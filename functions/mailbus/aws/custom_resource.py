"""The protocol of CloudFormation's custom resources: a request, and the response that it waits for.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import math
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec

from mailbus.aws import sessions
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from botocore.config import Config

RequestType = Literal["Create", "Update", "Delete"]

# of the whole response: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
RESPONSE_BYTES: Final = 4096
PHYSICAL_ID_BYTES: Final = 1024
PUT_ATTEMPTS: Final = 4
PUT_TIMEOUT_SECONDS: Final = 10.0
# the longest that the response takes: its attempts, and the seconds between them
ANSWER_SECONDS: Final = PUT_ATTEMPTS * PUT_TIMEOUT_SECONDS + sum(range(1, PUT_ATTEMPTS))

# SES takes one such call a second, including those that CloudFormation and others in the account make:
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
CALL_ATTEMPTS: Final = 5
# The longest that a call takes: its attempts, and at most 1, 2, 4 and 8 s between them, as in botocore's
# standard retry mode.
CALL_SECONDS: Final[float] = (
    CALL_ATTEMPTS * (sessions.CONNECT_TIMEOUT + sessions.SHORT_READ_TIMEOUT) + 2 ** (CALL_ATTEMPTS - 1) - 1
)

NOT_ALLOWED: Final = ("AccessDenied", "AccessDeniedException")
_THROTTLED: Final = (
    "deploy again: SES takes one such call a second from everybody in the account, and others were made "
    "at the same time"
)
_RIGHT: Final = (
    "deploy again; if it is refused again, look for a service control policy of the organization, or a "
    "permissions boundary, that denies it to the function's role, whose own policy allows it"
)
_UNANSWERED: Final = (
    "deploy again: SES did not answer in time; if it happens again, see https://health.aws.amazon.com"
)
_GONE: Final = "deploy again: something was deleted in SES meanwhile; create it there if the stack does not"
_CREDENTIALS: Final = "deploy again: SES does not know the credentials of the function's role, or not yet"
_OTHER: Final = "correct that, and deploy again; the log of the function has the whole error"
#: What to do about AWS's error codes, and botocore's errors by name. A `ConfigurationError` says it itself.
ADVICE: Final = {
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "TooManyRequestsException": _THROTTLED,
    **dict.fromkeys(NOT_ALLOWED, _RIGHT),
    "ConnectTimeoutError": _UNANSWERED,
    "ConnectionClosedError": _UNANSWERED,
    "EndpointConnectionError": _UNANSWERED,
    "InternalFailure": _UNANSWERED,
    "InternalServiceErrorException": _UNANSWERED,
    "NotTried": (
        "deploy again: the calls before it took the function's time, since SES was slow or throttled them"
    ),
    "ReadTimeoutError": _UNANSWERED,
    "RequestTimeout": _UNANSWERED,
    "ServiceUnavailable": _UNANSWERED,
    "ServiceUnavailableException": _UNANSWERED,
    "NotFoundException": _GONE,
    "RuleSetDoesNotExist": _GONE,
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    # https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityNotificationTopic.html
    "InvalidParameterValue": (
        "let SES publish to the topic, by its policy and that of its key, and deploy again; the stack's own "
        "topic allows it"
    ),
}

T = TypeVar("T", bound=msgspec.Struct)


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A request of CloudFormation's. A resource has no physical id before its creation is answered."""

    request_type: RequestType
    response_url: str = msgspec.field(name="ResponseURL")
    stack_id: str
    request_id: str
    logical_resource_id: str
    physical_resource_id: str | None = None
    resource_properties: Any = None
    old_resource_properties: Any = None

    def properties(self, kind: type[T]) -> T:
        """Return the resource's properties; a missing or wrong one is a `ConfigurationError`."""
        return self._properties("ResourceProperties", self.resource_properties, kind)

    def old_properties(self, kind: type[T]) -> T:
        """Return the properties that an update replaces, in the same way."""
        return self._properties("OldResourceProperties", self.old_resource_properties, kind)

    def _properties(self, key: str, values: object, kind: type[T]) -> T:
        try:
            return msgspec.convert(values, kind)
        except msgspec.ValidationError as error:
            reason = f"{key} of {self.logical_resource_id}: {error}"
            raise ConfigurationError(reason) from error


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The physical id of a resource after a request. A `failure` is one that left changes behind."""

    physical_id: str
    failure: Exception | None = None


class Response(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The response to a request."""

    status: Literal["SUCCESS", "FAILED"]
    reason: str
    physical_resource_id: str
    stack_id: str
    request_id: str
    logical_resource_id: str


def client_config() -> Config:
    """Return the configuration of a custom resource's client, with the retries that `CALL_SECONDS` counts."""
    return sessions.config(max_attempts=CALL_ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)


def has_time(context: LambdaContext) -> bool:
    """Return whether a call can end, however long it takes, and leave time to answer CloudFormation."""
    remaining: float = context.get_remaining_time_in_millis() / 1000
    return remaining >= CALL_SECONDS + ANSWER_SECONDS


def handle(
    event: dict[str, Any], apply: Callable[[Request], Outcome], *, placeholder_id: str, log: Logger
) -> None:
    """Apply a request and send the response; any other event raises `msgspec.ValidationError`."""
    request = msgspec.convert(event, Request)
    send(request.response_url, respond(request, apply, placeholder_id=placeholder_id, log=log))


def respond(
    request: Request, apply: Callable[[Request], Outcome], *, placeholder_id: str, log: Logger
) -> Response:
    """Apply a request and return the response. Never raises: CloudFormation waits for a response.

    A resource that was not created has the physical id `placeholder_id`.
    """
    try:
        outcome = apply(request)
    except Exception as error:  # noqa: BLE001 - CloudFormation must get a response
        outcome = Outcome(physical_id=request.physical_resource_id or placeholder_id, failure=error)
    failure = outcome.failure
    response = Response(
        status="SUCCESS" if failure is None else "FAILED",
        reason="",
        physical_resource_id=outcome.physical_id,
        stack_id=request.stack_id,
        request_id=request.request_id,
        logical_resource_id=request.logical_resource_id,
    )
    if failure is None:
        return response
    log.error("request failed", request_type=request.request_type, exc_info=failure)
    room = RESPONSE_BYTES - len(msgspec.json.encode(response))
    return msgspec.structs.replace(response, reason=_reason(failure, room))


def _reason(failure: Exception, room: int) -> str:
    """Return the cause and what to do, in at most `room` bytes of JSON; a cause that is too long is cut."""
    cause = f"{type(failure).__name__}: {failure}"
    if isinstance(failure, ConfigurationError):
        return _cut(cause, room)
    what_to_do = f" - what to do: {ADVICE.get(sessions.error_code(failure), _OTHER)}"
    return _cut(cause, room - _json_bytes(what_to_do)) + what_to_do


def _cut(text: str, room: int) -> str:
    while (excess := _json_bytes(text) - room) > 0:
        # no character takes more than six bytes
        text = text[: -math.ceil(excess / 6)]
    return text


def _json_bytes(text: str) -> int:
    return len(msgspec.json.encode(text)) - len('""')


def send(url: str, response: Response, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Put a response at the URL that CloudFormation named, and retry if that fails."""
    # The signature of the URL covers an empty content type.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        url, data=msgspec.json.encode(response), method="PUT", headers={"Content-Type": ""}
    )
    for attempt in range(1, PUT_ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=PUT_TIMEOUT_SECONDS):  # noqa: S310 - as above
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            if attempt == PUT_ATTEMPTS:
                raise
            sleep(attempt)
