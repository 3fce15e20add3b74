"""Requests of API Gateway's REST proxy integration, and the responses to them.

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
    """A request. `resource` is the path of the API's resource, without stage and base path."""

    resource: str
    headers: dict[str, str] | None = None
    body: str | None = None
    is_base64_encoded: bool = False
    request_context: _Context = msgspec.field(default_factory=_Context)

    @property
    def request_id(self) -> str:
        """The request's id in the API's access log."""
        return self.request_context.request_id

    def header(self, name: str) -> str | None:
        """Return a header by its name in lower case; API Gateway keeps the sender's case."""
        return next((value for key, value in (self.headers or {}).items() if key.lower() == name), None)

    def text(self) -> str:
        """Return the body; if it is not UTF-8, raise `InvalidNotification`."""
        try:
            body = (self.body or "").encode()
            return (base64.b64decode(body, validate=True) if self.is_base64_encoded else body).decode()
        except (binascii.Error, UnicodeError) as error:
            reason = "the body is not text in UTF-8; SNS posts JSON"
            raise InvalidNotification(reason) from error


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The response to the sender, which SNS's delivery log keeps."""

    status: HTTPStatus
    reason: str = ""


def parse_request(event: dict[str, Any]) -> Request:
    """Parse the event of a REST API's proxy integration; any other is a `ConfigurationError`."""
    try:
        return msgspec.convert(event, Request)
    except msgspec.ValidationError as error:
        reason = f"not an event of a REST API ({error}): invoke this function by the webhook's API"
        raise ConfigurationError(reason) from error


def proxy_response(response: Response) -> dict[str, Any]:
    """Return a response as API Gateway expects it."""
    text = response.reason or response.status.phrase
    return {
        "statusCode": int(response.status),
        "headers": {"Content-Type": "application/json"},
        "body": msgspec.json.encode({"message": text}).decode(),
        "isBase64Encoded": False,
    }
