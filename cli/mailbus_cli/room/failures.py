"""Why a page, or a part of one, could not be made: what is wrong, what to do, and what to copy."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from starlette.exceptions import HTTPException

from mailbus_cli import aws_errors
from mailbus_cli.errors import CommandError
from mailbus_local.testing.errors import SystemFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNAVAILABLE: Final = 503
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_MISTAKE: Final = 500
_COMMAND: Final = re.compile(r"`(aws [^`]+)`")
_TITLES: Final[Mapping[str, str]] = {
    "expired": "Your credentials have expired",
    "denied": "You may not read this",
    "unreachable": "Not connected",
}
_AGAIN: Final = "Then start `mailbus room` again."
_ALLOW: Final = "Allow it by this statement, and try again."
_BY_ITSELF: Final = "The page then goes on by itself."


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong and what to do; `copied` is a command or a policy statement that helps.

    `passes` is True if the page looks by itself whether it is over. `is_of_reading` is True if what was read
    before is as good as ever: credentials have expired, or AWS is not reached.
    """

    title: str
    reason: str | None = None
    hint: str | None = None
    copied: str | None = None
    passes: bool = False
    is_of_reading: bool = False
    status: int = _UNAVAILABLE


def failure_of(error: Exception, profile: str | None = None) -> Failure:
    """Return what an error of AWS or of Mailbus means; `profile` is that of the credentials."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ClientError, BotoCoreError)):
            return _explained(aws_errors.explain(cause, profile=profile))
        cause = cause.__cause__
    if isinstance(error, HTTPException):
        is_lost = error.status_code == _NOT_FOUND
        return Failure(
            title="No such page" if is_lost else str(error.detail),
            hint="Its address is wrong, or it was of another version." if is_lost else None,
            status=error.status_code,
        )
    if isinstance(error, SystemFailed):
        return Failure(
            title="The simulated SES does not answer",
            hint=f"`mailbus local` starts it. {_AGAIN}",
            is_of_reading=True,
        )
    return Failure(title=_sentence(str(error)), hint=error.hint if isinstance(error, CommandError) else None)


def unexpected(error: Exception) -> Failure:
    """Return what to say of an error that nothing was foreseen for: the room's own mistake."""
    return Failure(
        title="The room made a mistake",
        reason=f"{type(error).__name__}: {error}",
        hint="What led to it is in the terminal that the room was started in.",
        status=_MISTAKE,
    )


def _explained(explained: aws_errors.Explanation) -> Failure:
    command, statement = _COMMAND.search(explained.hint), _statement(explained)
    # a login is seen here too; keys of the environment, and the ports of another system, are not
    passes = command is not None or (
        explained.kind == "unreachable" and aws_errors.HOST not in explained.reason
    )
    is_said = explained.kind == "expired" or explained.kind not in _TITLES
    after = _BY_ITSELF if passes else _AGAIN
    return Failure(
        title=_TITLES.get(explained.kind) or _sentence(explained.reason),
        reason=None if is_said else f"{_sentence(explained.reason)}.",
        hint=_ALLOW if statement else f"{_sentence(explained.hint)}. {after}",
        copied=statement or (command[1] if command else None),
        passes=passes,
        is_of_reading=explained.kind in {"expired", "unreachable"},
        status=_FORBIDDEN if explained.kind == "denied" else _UNAVAILABLE,
    )


def _sentence(text: str) -> str:
    return text if text.startswith(("`", "arn:")) else text[:1].upper() + text[1:]


def _statement(explained: aws_errors.Explanation) -> str | None:
    """Return the policy statement that allows what was denied; AWS may not say which right is missing."""
    if not explained.action or ":" not in explained.action:
        return None
    # AWS names no resource of actions that are allowed for all or for none, such as GetMetricData
    resource = explained.resource or "*"
    statement = {"Effect": "Allow", "Action": explained.action, "Resource": resource}
    return json.dumps(statement, indent=2)
