"""The protocol of CloudFormation's custom resources: a request, and the response that it waits for.

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

RequestType = Literal["Create", "Update", "Delete"]

REASON_CHARACTERS: Final = 1000
PHYSICAL_ID_BYTES: Final = 1024
PUT_ATTEMPTS: Final = 4
PUT_TIMEOUT_SECONDS: Final = 10.0

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


def handle(
    event: dict[str, Any], apply: Callable[[Request], Outcome], *, placeholder_id: str, log: Logger
) -> None:
    """Apply a request and send the response; any other event raises `msgspec.ValidationError`."""
    request = msgspec.convert(event, Request)
    send(request.response_url, respond(request, apply, placeholder_id=placeholder_id, log=log))


def respond(
    request: Request, apply: Callable[[Request], Outcome], *, placeholder_id: str, log: Logger
) -> Response:
    """Apply a request and return the response. Never raises: CloudFormation waits an hour for a response.

    A resource that was not created has the physical id `placeholder_id`.
    """
    try:
        outcome = apply(request)
    except Exception as error:  # noqa: BLE001 - CloudFormation must get a response
        outcome = Outcome(physical_id=request.physical_resource_id or placeholder_id, failure=error)
    failure = outcome.failure
    if failure is not None:
        log.error("request failed", request_type=request.request_type, exc_info=failure)
    return Response(
        status="SUCCESS" if failure is None else "FAILED",
        reason="" if failure is None else f"{type(failure).__name__}: {failure}"[:REASON_CHARACTERS],
        physical_resource_id=outcome.physical_id,
        stack_id=request.stack_id,
        request_id=request.request_id,
        logical_resource_id=request.logical_resource_id,
    )


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
