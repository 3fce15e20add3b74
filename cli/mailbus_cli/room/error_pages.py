"""The page that stands in for one that could not be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from starlette.exceptions import HTTPException

from mailbus.errors import MailbusError
from mailbus_cli.room.failures import failure_of, unexpected
from mailbus_cli.room.rendering import render
from mailbus_cli.room.security import HEADERS, POLICY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response


def handlers() -> dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]:
    """Return Starlette's handlers of the errors that have a page."""

    async def answer(request: Request, error: Exception) -> Response:
        failure = failure_of(error, request.app.state.room.deployment.profile)
        return render(request, "failure.html", status_code=failure.status, failure=failure)

    async def answer_unexpected(request: Request, error: Exception) -> Response:
        # Starlette answers these outside of all middleware, and raises the error again for the log
        response = render(request, "failure.html", status_code=500, failure=unexpected(error))
        response.headers.update({"Content-Security-Policy": POLICY, **HEADERS})
        return response

    foreseen = dict.fromkeys((MailbusError, ClientError, BotoCoreError, HTTPException), answer)
    return {**foreseen, Exception: answer_unexpected}
