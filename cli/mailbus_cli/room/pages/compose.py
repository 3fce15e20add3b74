"""Edits a prepared send job, checks it, and enqueues it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailbus.client import Client
from mailbus.errors import InvalidJob, MailbusError
from mailbus_cli.room.rendering import render
from mailbus_cli.room.security import form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from mailbus_cli.room.content.drafts import Draft
    from mailbus_cli.room.room import Room

QUEUES: Final = {"transactional": "SendQueueUrl", "bulk": "BulkQueueUrl"}


def routes(room: Room) -> list[Route]:
    """Return the route that enqueues a job."""

    async def send(request: Request) -> Response:
        fields = await form(request)
        return await run_in_threadpool(_send, room, request, fields)

    return [Route("/send/job", send, methods=["POST"])]


def page(room: Room, request: Request, draft: Draft, *, heading: str, back: str) -> Response:
    """Return the page with a prepared job."""
    return _page(
        room, request, {"job": draft.text, "heading": heading, "back": back}, left_out=draft.left_out
    )


def _page(room: Room, request: Request, form: Mapping[str, str], **more: Any) -> Response:  # noqa: ANN401
    option = room.deployment.option
    return render(
        request,
        "compose.html",
        status_code=422 if more.get("error") else 200,
        command=f"mailbus send {option} job.json",
        job=form.get("job", ""),
        heading=form.get("heading", "Send a job"),
        back=_safe(form.get("back", "/sent")),
        lane=form.get("lane"),
        **more,
    )


def _safe(path: str) -> str:
    """Return a path of the room, wherever a form says to go back to."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/sent"


def _send(room: Room, request: Request, form: Mapping[str, str]) -> Response:
    deployment = room.deployment
    try:
        job = json.loads(form.get("job", ""))
    except ValueError as error:
        return _page(room, request, form, error={"reason": f"It is not JSON: {error}."})
    if not isinstance(job, dict):
        return _page(room, request, form, error={"reason": "It is not a JSON object: write {…}."})
    client = Client(
        deployment.output(QUEUES.get(form.get("lane", ""), QUEUES["transactional"])),
        sqs=deployment.client("sqs"),
        s3=deployment.client("s3"),
        dynamodb=deployment.client("dynamodb"),
    )
    try:
        sent = client.send(job)
    except InvalidJob as error:
        return _page(room, request, form, error={"path": error.path, "reason": error.reason})
    except MailbusError as error:
        return _page(room, request, form, error={"reason": str(error)})
    return RedirectResponse(f"/sent/{sent.job_id}?enqueued=1", status_code=303)
