"""The page that stands in for one that could not be made: what is wrong, what to do, and what to copy."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from starlette.exceptions import HTTPException

from mailbus.errors import MailbusError
from mailbus_cli import aws_errors
from mailbus_cli.errors import CommandError
from mailbus_cli.room.rendering import render

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

_UNAVAILABLE: Final = 503
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_COMMAND: Final = re.compile(r"`(aws [^`]+)`")
_TITLES: Final[Mapping[str, str]] = {
    "expired": "Your credentials have expired",
    "denied": "You may not read this",
    "unreachable": "Not connected",
}
# what is repaired elsewhere, after which the page can be read
_PASSING: Final = frozenset({"expired", "credentials", "unreachable"})


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong and what to do; `copied` is a command or a policy statement that helps.

    `passes` is True if the page looks by itself whether it is over.
    """

    title: str
    reason: str | None = None
    hint: str | None = None
    copied: str | None = None
    passes: bool = False
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
    return Failure(title=str(error), hint=error.hint if isinstance(error, CommandError) else None)


def handlers() -> dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]:
    """Return Starlette's handlers of the errors that have a page."""

    async def answer(request: Request, error: Exception) -> Response:
        failure = failure_of(error, request.app.state.room.deployment.profile)
        return render(request, "failure.html", status_code=failure.status, failure=failure)

    return dict.fromkeys((MailbusError, ClientError, BotoCoreError, HTTPException), answer)


def _explained(explained: aws_errors.Explanation) -> Failure:
    command = _COMMAND.search(explained.hint)
    return Failure(
        title=_TITLES.get(explained.kind, explained.reason),
        reason=explained.reason if explained.kind in _TITLES else None,
        hint=explained.hint,
        copied=_statement(explained) or (command[1] if command else None),
        passes=explained.kind in _PASSING,
        status=_FORBIDDEN if explained.kind == "denied" else _UNAVAILABLE,
    )


def _statement(explained: aws_errors.Explanation) -> str | None:
    """Return the policy statement that allows what was denied; AWS may not say which right is missing."""
    if not (explained.action and explained.resource):
        return None
    statement = {"Effect": "Allow", "Action": explained.action, "Resource": explained.resource}
    return json.dumps(statement, indent=2)
