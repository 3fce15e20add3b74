"""A request as API Gateway's REST proxy hands it over, and the answer that it takes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import Any, Final

import msgspec

from mailbus.errors import ConfigurationError, InvalidNotification

# https://docs.aws.amazon.com/sns/latest/dg/http-header.html
TYPE_HEADER: Final = "x-amz-sns-message-type"
RAW_HEADER: Final = "x-amz-sns-rawdelivery"


class _Context(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    request_id: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A request. `resource` is the path as the API names it, without stage and base path."""

    resource: str
    headers: dict[str, str] | None = None
    body: str | None = None
    is_base64_encoded: bool = False
    request_context: _Context = msgspec.field(default_factory=_Context)

    @property
    def request_id(self) -> str:
        """What the API's access log calls the request."""
        return self.request_context.request_id

    def header(self, name: str) -> str | None:
        """Give a header by its name in lower case: API Gateway keeps the sender's case."""
        return next((value for key, value in (self.headers or {}).items() if key.lower() == name), None)

    def text(self) -> str:
        """Give the body; one that is no UTF-8 is an `InvalidNotification`."""
        try:
            given = (self.body or "").encode()
            return (base64.b64decode(given, validate=True) if self.is_base64_encoded else given).decode()
        except (binascii.Error, UnicodeError) as error:
            reason = "the body is not text in UTF-8; SNS posts JSON"
            raise InvalidNotification(reason) from error


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender is told, and SNS's delivery log keeps."""

    status: HTTPStatus
    reason: str = ""


def parse_request(event: dict[str, Any]) -> Request:
    """Read the event of a REST API's proxy integration; any other is a `ConfigurationError`."""
    try:
        return msgspec.convert(event, Request)
    except msgspec.ValidationError as error:
        reason = f"not an event of a REST API ({error}): invoke this function by the webhook's API"
        raise ConfigurationError(reason) from error


def response(answer: Answer) -> dict[str, Any]:
    """Write an answer as API Gateway takes it."""
    text = answer.reason or answer.status.phrase
    return {
        "statusCode": int(answer.status),
        "headers": {"Content-Type": "application/json"},
        "body": msgspec.json.encode({"message": text}).decode(),
        "isBase64Encoded": False,
    }
