"""The errors of a check's calls: which right is missing, or why AWS could not be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_cli.doctor.verdict import Verdict, problem, warning
from mailbus_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botocore.exceptions import ClientError

DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "KMS.AccessDeniedException",
        "UnauthorizedOperation",
        "403",
    }
)
# those with another name than their operation:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
_ACTIONS: Final = {"HeadBucket": "ListBucket"}
EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
LOG_IN: Final = "log in again (aws sso login)"
# what the outputs name is not there; where that means more, the check itself says it
GONE: Final = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
POLICY: Final = "allow it: the policy is in docs/doctor.md"


def verdict_on(error: Exception, rights: Sequence[str]) -> Verdict:
    """Return what an error of a check means; `rights` are the check's own."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - takes long to load

    if isinstance(error, ClientError):
        return _of_aws(error, rights)
    if isinstance(error, BotoCoreError):
        return warning(f"cannot be checked: {' '.join(str(error).split())}")
    if isinstance(error, CommandError):
        return warning(f"cannot be checked: {error}", fix=error.hint)
    return warning(
        f"cannot be checked: the check itself failed with {type(error).__name__}: {error}",
        fix="report it, with the version of `mailbus --version`",
    )


def _of_aws(error: ClientError, rights: Sequence[str]) -> Verdict:
    answer = error.response.get("Error", {})
    code = answer.get("Code", "")
    text = " ".join((answer.get("Message") or code).split())
    if code in DENIED:
        action = _action(error.operation_name, rights)
        return warning(f"cannot be checked: these credentials lack {action}", fix=POLICY)
    if code in EXPIRED:
        return warning("cannot be checked: the credentials have expired", fix=LOG_IN)
    if code in GONE:
        return problem(f"{error.operation_name}: {text}", fix="deploy the stage again")
    return warning(f"cannot be checked: {error.operation_name}: {code}: {text}")


def _action(operation: str, rights: Sequence[str]) -> str:
    """Return the IAM action of an API's operation: that of the check with its name."""
    name = _ACTIONS.get(operation, operation)
    return next((right for right in rights if right.partition(":")[2] == name), ", ".join(rights))
