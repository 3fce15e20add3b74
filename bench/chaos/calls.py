"""A call of a worker to AWS, and what may happen to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

# as AWS's SDK names them: https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
Service = Literal["sesv2", "dynamodb", "eventbridge", "sqs", "s3", "kms"]
#: What happens to a call: its worker is killed before or after it, the service answers with an error and does
#: nothing, the service does it and the answer is lost, or the service does a part of a batch.
Fault = Literal["killed before", "killed after", "error", "cut", "part"]

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Operations.html
_SES: Final = (
    (re.compile(r"/v2/email/outbound-emails"), "SendEmail"),
    (re.compile(r"/v2/email/outbound-bulk-emails"), "SendBulkEmail"),
    (re.compile(r"/v2/email/account"), "GetAccount"),
)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call of an operation; `function` is the name of the worker's function, empty if it is not known."""

    function: str
    service: Service
    operation: str
    body: bytes = b""


def operation_of(service: Service, method: str, path: str, headers: Mapping[str, str]) -> str:
    """Return the operation that a request calls, as AWS names it; `headers` have names in lower case."""
    if service == "s3":
        return f"{method.capitalize()}Object"
    if service == "sesv2":
        return next((name for pattern, name in _SES if pattern.match(path)), path)
    return headers.get("x-amz-target", path).rpartition(".")[2]


def error_answer(service: Service, code: str) -> tuple[str, bytes]:
    """Return the content type and the body with which a service answers with an error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and for the others
    https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization
    """
    message = "Simulated by the fault run."
    if service == "s3":
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        return "application/xml", body.encode()
    return "application/x-amz-json-1.0", msgspec.json.encode({"__type": code, "message": message})
