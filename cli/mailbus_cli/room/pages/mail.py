"""The page of one sent mail: what became of it, what it looks like, and what follows from it."""

from __future__ import annotations

import secrets
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from mailbus.events import JOB_ID_TAG
from mailbus_cli.room import sent_mail, simulator
from mailbus_cli.room.content import drafts
from mailbus_cli.room.content import mail as mail_content
from mailbus_cli.room.event_form import event_form
from mailbus_cli.room.facts import facts
from mailbus_cli.room.made_events import curl, request_of
from mailbus_cli.room.pages import compose, content_responses
from mailbus_cli.room.recipients_view import SHOWN, recipients
from mailbus_cli.room.rendering import render
from mailbus_cli.room.security import form
from mailbus_cli.room.tabs import tabs
from mailbus_cli.room.timeline_view import email_of, entries
from mailbus_cli.words import STATUS_WORDS, Explanation, outcome_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from mailbus_cli.job_states import JobState
    from mailbus_cli.room.room import Room
    from mailbus_cli.room.sent_mail import SentMail
    from mailbus_cli.room.simulator import Message

#: What the addresses of a mail's tabs keep: whose mail it is, and the list that it is of.
KEPT: Final = frozenset(("as", "status", "q", "chip"))


def routes(room: Room) -> list[Route]:
    """Return the routes below `/sent/{id}`."""
    pages = MailPages(room)
    return [
        Route("/sent/{id}", pages.page),
        Route("/sent/{id}/frame", pages.frame),
        Route("/sent/{id}/raw", pages.raw),
        Route("/sent/{id}/again", pages.again),
        Route("/sent/{id}/events", pages.events, methods=["POST"]),
        Route("/sent/{id}/events/copy", pages.event_command, methods=["POST"]),
        Route("/sent/{id}/attachments/{number:int}", pages.attachment),
        Route("/sent/{id}/{tab}", pages.page),
    ]


class MailPages:
    """The endpoints."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def page(self, request: Request) -> Response:
        """Return the page of a mail."""
        mail = _find(self._room, request)
        if mail is None:
            return _not_found(self._room, request)
        return render(request, "mail.html", **_context(self._room, request, mail))

    def frame(self, request: Request) -> Response:
        """Return the document of the frame."""
        message = self._message(request)
        if message is None:
            return content_responses.not_here()
        return content_responses.frame(mail_content.read(message.raw), message.raw)

    def attachment(self, request: Request) -> Response:
        """Return a file."""
        message = self._message(request)
        found = message and mail_content.file_content(message.raw, request.path_params["number"])
        return content_responses.download(*found) if found else content_responses.not_here()

    def raw(self, request: Request) -> Response:
        """Return the whole mail."""
        message = self._message(request)
        if message is None:
            return content_responses.not_here()
        return content_responses.download(f"{message.message_id}.eml", message.raw)

    def again(self, request: Request) -> Response:
        """Return the page that sends a mail again."""
        message = self._message(request)
        if message is None:
            return content_responses.not_here()
        content = mail_content.read(message.raw)
        files = [mail_content.file_content(message.raw, file.number) for file in content.files]
        draft = drafts.again(
            content,
            [file[1] if file else b"" for file in files],
            job_id=drafts.new_job_id(message.tags.get(JOB_ID_TAG, "again"), secrets.token_hex(3)),
            recipients=message.recipients,
        )
        return compose.page(
            self._room, request, draft, heading="Send again", back=f"/sent/{message.message_id}"
        )

    async def events(self, request: Request) -> Response:
        """Make an event."""
        fields = await form(request)
        return await run_in_threadpool(_make_event, self._room, request, fields)

    async def event_command(self, request: Request) -> Response:
        """Return the command that makes an event, to be copied."""
        wanted, url = request_of(await form(request)), self._room.deployment.simulator_url
        if wanted is None or url is None:
            return content_responses.not_here()
        return PlainTextResponse(curl(url, request.path_params["id"], wanted))

    def _message(self, request: Request) -> Message | None:
        return simulator.message(self._room.deployment, request.path_params["id"])


def _not_found(room: Room, request: Request) -> Response:
    return render(
        request,
        "mail_not_found.html",
        status_code=404,
        mail_id=request.path_params["id"],
        keeps_timeline=room.timeline is not None,
    )


def _find(room: Room, request: Request) -> SentMail | None:
    return sent_mail.find(
        room.deployment, room.timeline, request.path_params["id"], request.query_params.get("as")
    )


def _context(room: Room, request: Request, mail: SentMail) -> dict[str, Any]:
    content = None if mail.message is None else mail_content.read(mail.message.raw)
    people = recipients(mail.mails) if mail.mails else None
    only = request.query_params.get("status")
    shown = None
    if content is not None:
        shown = tabs(content, request.path_params.get("tab", ""), is_received=False, is_bulk=mail.is_merge)
    kept = [(name, value) for name, value in request.query_params.multi_items() if name in KEPT]
    of_world = _of_laptop(room, mail) if room.deployment.is_local else _of_account(room, mail)
    return {
        "mail": mail,
        "keeps_timeline": room.timeline is not None,
        "heading": (content and content.subject) or mail.job_id or mail.id,
        "content": content,
        "tabs": shown,
        "source": mail_content.source(mail.message.raw) if mail.message else "",
        "timeline": entries(mail.events),
        "explanation": _explanation(mail),
        "ledger": STATUS_WORDS[mail.ledger.status] if mail.ledger else None,
        "glyph": STATUS_WORDS[mail.selected.status].glyph if mail.selected else "dots",
        "people": people,
        "listed": [each for each in (people.listed if people else ()) if only in {None, each.status}],
        "shown": len(mail.mails) if "all" in request.query_params else SHOWN,
        "only": only,
        "version": _version(mail),
        "query": f"?{urlencode(kept)}" if kept else "",
        **of_world,
    }


def _version(mail: SentMail) -> str:
    """Return a text that changes with what the events say, so that a page replaces only what is new."""
    seen = [len(mail.events), *(sorted(each.seen) for each in mail.mails)]
    return f"{zlib.crc32(repr(seen).encode()):08x}"


def _explanation(mail: SentMail) -> Explanation | None:
    """Return what became of the mail, by the event that decided it."""
    selected = mail.selected
    if selected is None:
        return None
    deciding = selected.deciding
    for event in reversed(mail.events):
        email = email_of(event.entry)
        if email and deciding and (email.timestamp, email.event_type) == (deciding.at, deciding.event_type):
            return outcome_of(selected, email)
    return outcome_of(selected, None)


def _make_event(room: Room, request: Request, form: Mapping[str, str]) -> Response:
    """Let the simulated SES publish an event, and go back to the page that asked for it."""
    api, mail_id = simulator.control(room.deployment), request.path_params["id"]
    # of a merge each recipient has a message of its own
    recipient = form.get("recipient")
    mail = sent_mail.find(room.deployment, room.timeline, mail_id, recipient)
    wanted = request_of(form)
    if api is None or mail is None or mail.message is None or wanted is None:
        return content_responses.not_here()
    api.request("POST", f"events/{mail.message.message_id}", wanted)
    tab = form.get("tab", "html")
    query = {"made": wanted["event_type"]}
    if recipient and len(mail.mails) > 1:
        query["as"] = recipient
    return RedirectResponse(
        f"/sent/{mail_id}/{tab if tab.isalpha() else 'html'}?{urlencode(query)}", status_code=303
    )


def _of_laptop(room: Room, mail: SentMail) -> dict[str, Any]:
    content = None if mail.message is None else mail_content.read(mail.message.raw)
    return {
        "tracking": sent_mail.tracking(room.deployment, mail.message),
        "event": event_form(mail),
        "facts": facts(mail, content),
    }


def _of_account(room: Room, mail: SentMail) -> dict[str, Any]:
    address = mail.selected.recipient if mail.selected and len(mail.mails) == 1 else None
    state = mail.ledger or (sent_mail.ledger_of(room.deployment, mail.job_id) if mail.job_id else None)
    suppression = sent_mail.suppression(room.deployment, address) if address else None
    return {
        "others": recipients(sent_mail.others(room.timeline, mail)).listed,
        "facts": facts(mail, None, ledger=_remembered(state), suppression=suppression),
    }


def _remembered(state: JobState | None) -> str | None:
    """Return what the ledger knows of a job, in words."""
    if state is None:
        return None
    counts = ", ".join(f"{count} {STATUS_WORDS[status].label}" for status, count in state.counts.items())
    until = datetime.fromtimestamp(state.remembered_until, UTC)
    accepted = "" if state.accepted_at is None else f"accepted at {_moment(state.accepted_at)}; "
    return f"{accepted or f'{counts}; '}remembered until {until.day} {until:%B %Y}"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%H:%M:%S}"
