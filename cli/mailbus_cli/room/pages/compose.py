"""Edits a prepared send job, checks it, and enqueues it; on the laptop it sends test mails."""

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
from mailbus_cli.room.snippets import sender_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from mailbus_cli.deployment import Deployment
    from mailbus_cli.room.content.drafts import Draft
    from mailbus_cli.room.room import Room

#: What becomes of a mail is decided by its recipient in the mailbox simulator of SES:
#: https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
OUTCOMES: Final = {
    "success": "This mail is delivered",
    "bounce": "This address bounces",
    "complaint": "This reader complains",
    "ooto": "This reader is out of the office",
    "suppressionlist": "This address is on the suppression list",
}
QUEUES: Final = {"transactional": "SendQueueUrl", "bulk": "BulkQueueUrl"}


def routes(room: Room) -> list[Route]:
    """Return the route that enqueues a job."""

    async def send(request: Request) -> Response:
        fields = await form(request)
        return await run_in_threadpool(_send, room, request, fields)

    async def send_tests(request: Request) -> Response:
        fields = await form(request)
        return await run_in_threadpool(_send_tests, room, fields.get("outcome", ""))

    found = [Route("/send/job", send, methods=["POST"])]
    if room.deployment.is_local:
        found.append(Route("/send/test", send_tests, methods=["POST"]))
    return found


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
    except (ValueError, RecursionError) as error:
        return _page(room, request, form, error={"reason": f"It is not JSON: {error}."})
    if not isinstance(job, dict):
        return _page(room, request, form, error={"reason": "It is not a JSON object: write {…}."})
    try:
        sent = _client(deployment, form.get("lane", "")).send(job)
    except InvalidJob as error:
        return _page(room, request, form, error={"path": error.path, "reason": error.reason})
    except MailbusError as error:
        return _page(room, request, form, error={"reason": str(error)})
    return RedirectResponse(f"/sent/{sent.job_id}?enqueued=1", status_code=303)


def _send_tests(room: Room, outcome: str) -> Response:
    """Send a mail that is delivered, or one of each outcome."""
    chosen = OUTCOMES if outcome == "each" else {"success": "A test mail"}
    results = _client(room.deployment, "transactional").send_many(
        {
            "from_email": sender_of(room.deployment),
            "to": f"{local_part}@simulator.amazonses.com",
            "subject": subject,
            "text": "A mail to the mailbox simulator of Amazon SES.\n",
            "tags": ["test"],
        }
        for local_part, subject in chosen.items()
    )
    for result in results:
        if result.error is not None:
            raise result.error
    return RedirectResponse("/sent?enqueued=1", status_code=303)


def _client(deployment: Deployment, lane: str) -> Client:
    return Client(
        deployment.output(QUEUES.get(lane, QUEUES["transactional"])),
        sqs=deployment.client("sqs"),
        s3=deployment.client("s3"),
        dynamodb=deployment.client("dynamodb"),
    )
