"""The page of received mail: the list, and one mail beside it."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.routing import Route

from mailbus.timeline.mails import ReceivedMail
from mailbus_cli.room import received_store, received_view
from mailbus_cli.room.content import drafts
from mailbus_cli.room.content import mail as mail_content
from mailbus_cli.room.content.mail import Content
from mailbus_cli.room.pages import compose, content_responses
from mailbus_cli.room.recently_used import RecentlyUsed
from mailbus_cli.room.rendering import render
from mailbus_cli.room.room import NO_TIMELINE
from mailbus_cli.room.tabs import tabs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from mailbus_cli.room.received_view import Row
    from mailbus_cli.room.room import Room

PAGE: Final = 50
#: Mails that a search goes through.
SEARCHED: Final = 200
WORKERS: Final = 8
_EMPTY: Final = (
    "No mail received yet",
    "Mail that SES receives for this stage is listed here, newest first.",
)


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A received mail with its bytes and its content, or the reason why they are not here."""

    mail: ReceivedMail
    raw: bytes | None
    content: Content | None
    problem: str | None
    is_encrypted: bool


def routes(room: Room) -> list[Route]:
    """Return the routes below `/received`."""
    pages = ReceivedPages(room)
    return [
        Route("/received", pages.page),
        Route("/received/{id}", pages.page),
        Route("/received/{id}/frame", pages.frame),
        Route("/received/{id}/raw", pages.raw),
        Route("/received/{id}/reply", pages.reply),
        Route("/received/{id}/attachments/{number:int}", pages.attachment),
        Route("/received/{id}/{tab}", pages.page),
    ]


class ReceivedPages:
    """The endpoints."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._rows = Rows(room)

    def page(self, request: Request) -> Response:
        """Return the list, with the mail that is open beside it."""
        opened = None
        if "id" in request.path_params:
            opened = self._open(request)
            if opened is None and "made" in request.query_params and self._room.timeline is not None:
                return render(request, "received_waits.html")
            if opened is None:
                return render(
                    request,
                    "mail_not_found.html",
                    status_code=404,
                    mail_id=request.path_params["id"],
                    keeps_timeline=self._room.timeline is not None,
                )
        listed = _list(self._room, self._rows, request)
        # beside the list there is room for a mail
        newest = next(iter(listed["rows"]), None) if opened is None else None
        shown = opened or (newest and _opened(self._room, newest.mail))
        chosen = opened is not None
        return render(request, "received.html", is_chosen=chosen, **listed, **_mail(request, shown))

    def frame(self, request: Request) -> Response:
        """Return the document of the frame."""
        found = self._open(request)
        if found is None or found.content is None or found.raw is None:
            return content_responses.not_here()
        return content_responses.frame(found.content, found.raw)

    def raw(self, request: Request) -> Response:
        """Return the whole mail."""
        found = self._open(request)
        if found is None or found.raw is None:
            return content_responses.not_here()
        return content_responses.download(f"{found.mail.message_id}.eml", found.raw)

    def attachment(self, request: Request) -> Response:
        """Return a file."""
        found = self._open(request)
        file = found and found.raw and mail_content.file_content(found.raw, request.path_params["number"])
        return content_responses.download(*file) if file else content_responses.not_here()

    def reply(self, request: Request) -> Response:
        """Return the page that replies to a mail."""
        found = self._open(request)
        if found is None or found.content is None:
            return content_responses.not_here()
        draft = drafts.reply(
            found.content,
            job_id=drafts.new_job_id("reply", secrets.token_hex(4)),
            recipients=found.mail.envelope_recipients,
            received_at=found.mail.received,
        )
        back = f"/received/{found.mail.message_id}"
        return compose.page(self._room, request, draft, heading="Reply", back=back)

    def _open(self, request: Request) -> Open | None:
        table = self._room.timeline
        mail = table and table.received_by_message(request.path_params["id"])
        return _opened(self._room, mail) if mail else None


class Rows:
    """The rows of received mails; each mail's beginning is read from the bucket once."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._known: RecentlyUsed[Row] = RecentlyUsed(10 * SEARCHED)
        self._pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="received")

    def of(self, mails: Sequence[ReceivedMail]) -> list[Row]:
        """Return the rows of these mails, in order."""
        return list(self._pool.map(self._row, mails))

    def _row(self, mail: ReceivedMail) -> Row:
        known = self._known.get(mail.message_id)
        if known is not None:
            return known
        row = self._read(mail)
        # what cannot be read now may be readable later
        if row.is_read:
            self._known.keep(mail.message_id, row)
        return row

    def _read(self, mail: ReceivedMail) -> Row:
        raw = received_store.read(self._room.deployment, mail, beginning=True)
        content = None if raw.content is None else mail_content.read(raw.content)
        return received_view.row(mail, content, raw.problem)


def _list(room: Room, rows: Rows, request: Request) -> dict[str, Any]:
    words = " ".join(request.query_params.get("q", "").split())
    if room.timeline is None:
        title, text = NO_TIMELINE
        return {"rows": [], "q": "", "older": None, "empty": {"title": title, "text": text}}
    listed = room.timeline.received(request.query_params.get("before"), SEARCHED if words else PAGE)
    found = [row for row in rows.of(listed.mails) if not words or row.contains(words)]
    title, text = _EMPTY
    return {
        "rows": found,
        "q": words,
        "version": found[0].mail.message_id if found else "",
        "older": None if words else listed.older,
        "searched": len(listed.mails),
        "empty": {"title": title, "text": text},
    }


def _opened(room: Room, mail: ReceivedMail) -> Open:
    raw = received_store.read(room.deployment, mail)
    content = None if raw.content is None else mail_content.read(raw.content)
    return Open(
        mail=mail,
        raw=raw.content,
        content=content,
        problem=raw.problem or (content.problem if content else None),
        is_encrypted=raw.is_encrypted,
    )


def _mail(request: Request, found: Open | None) -> dict[str, Any]:
    if found is None:
        return {"selected": None}
    mail, content = found.mail, found.content
    event = msgspec.json.encode(
        {
            "source": "mailbus",
            "detail-type": f"email.{mail.event_type}",
            "detail": received_view.event(mail, content),
        }
    )
    shown = (
        None
        if content is None or content.message is None
        else tabs(content, request.path_params.get("tab", ""), is_received=True)
    )
    kept = {name: value for name, value in request.query_params.items() if name == "q"}
    return {
        "selected": received_view.row(mail, content, found.problem),
        "warning": received_view.warning(mail),
        "problem": found.problem,
        "envelope": received_view.envelope(mail, content),
        "verdicts": received_view.verdicts(mail),
        "is_encrypted": found.is_encrypted,
        "content": content,
        "size": None if found.raw is None else len(found.raw),
        "tabs": shown,
        "stripped": "own" in request.query_params,
        "own": content.message.stripped_text if content and content.message else None,
        "source": mail_content.source(found.raw) if found.raw and shown and shown.shown == "source" else "",
        "event_json": msgspec.json.format(event, indent=2).decode(),
        "query": f"?{urlencode(kept)}" if kept else "",
    }
