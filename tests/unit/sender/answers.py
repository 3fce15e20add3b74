"""How AWS's services answer if they do not do what they are asked for."""

from __future__ import annotations

from typing import Any, Final

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError


def refusal(code: str, message: str = "", status: int = 400, operation: str = "SendEmail") -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type] # the rest of the metadata is not read


SES_URL: Final = "https://email.eu-west-1.amazonaws.com"
UNANSWERED: Final = ReadTimeoutError(endpoint_url=SES_URL)
UNREACHABLE: Final = EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")
THROTTLED: Final = refusal("TooManyRequestsException", "Maximum sending rate exceeded.", 429)
QUOTA: Final = refusal("TooManyRequestsException", "Daily message quota exceeded.", 429)
PAUSED: Final = refusal("SendingPausedException")
_INBOX: Final = "please check the inbox of the email address associated with your AWS account."
PAUSED_BY_AWS: Final = refusal(
    "MessageRejected", f"Sending paused for this account. For more information, {_INBOX}"
)
SUSPENDED_BY_AWS: Final = refusal(
    "MessageRejected", f"Sending suspended for this account. For more information, {_INBOX}"
)
DENIED: Final = refusal("AccessDeniedException", "User is not authorized to perform: ses:SendEmail", 403)
REJECTED: Final = refusal("MessageRejected", "Email address is not verified.")


def breaks(*_: Any, **__: Any) -> Any:
    message = "a programming error"
    raise ZeroDivisionError(message)
