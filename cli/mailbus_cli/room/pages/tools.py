"""The tools of the laptop: receive a mail, make an event happen, faults and limits of the simulated SES."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from mailbus_cli.room import account_form, receive_form, sent_mail, simulator
from mailbus_cli.room.event_form import event_form
from mailbus_cli.room.faults import CHOICES, OPERATION_LABELS, PRESETS, armed, refused
from mailbus_cli.room.forms import InvalidFormError
from mailbus_cli.room.receive_form import MAX_MAIL_BYTES, incoming
from mailbus_cli.room.rendering import render
from mailbus_cli.room.security import form, form_with_files
from mailbus_cli.status_words import STATUS_WORDS
from mailbus_local.testing.errors import ControlError, MailRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from mailbus_cli.room.event_form import EventForm
    from mailbus_cli.room.forms import File
    from mailbus_cli.room.room import Room
    from mailbus_local.testing.control import Control

#: Sent mails to choose from.
RECENT: Final = 30
INVALID: Final = 422
#: What SES answers for recipients that no receipt rule takes; a rule that refuses has a text of its own.
NOBODY: Final = "550 5.1.1 Requested action not taken: mailbox unavailable"


class Recent(msgspec.Struct, frozen=True, kw_only=True):
    """A sent mail to choose; `label` is its status."""

    message_id: str
    subject: str
    recipient: str
    label: str


def routes(room: Room) -> list[Route]:
    """Return the routes of the tools; an account has none."""
    api = simulator.control(room.deployment)
    if api is None:
        return []
    pages = ToolPages(room, api)
    return [
        Route("/tools", pages.page),
        Route("/receive", pages.receive, methods=["POST"]),
        Route("/faults", pages.faults, methods=["POST"]),
        Route("/account", pages.account, methods=["POST"]),
    ]


class ToolPages:
    """The endpoints."""

    def __init__(self, room: Room, api: Control) -> None:
        self._room = room
        self._api = api

    def page(self, request: Request) -> Response:
        """Return the page."""
        return self._page(request, {})

    async def receive(self, request: Request) -> Response:
        """Let a mail arrive, and go to it."""
        fields, files = await form_with_files(request, max_bytes=MAX_MAIL_BYTES)
        return await run_in_threadpool(self._receive, request, fields, files)

    async def faults(self, request: Request) -> Response:
        """Arm faults, or remove them."""
        return await self._changed(request, "faults", self._change_faults)

    async def account(self, request: Request) -> Response:
        """Change the limits of the account."""
        return await self._changed(request, "account", self._change_account)

    def _receive(
        self, request: Request, fields: Mapping[str, str], files: Mapping[str, Sequence[File]]
    ) -> Response:
        try:
            mail = incoming(fields, files, now=datetime.now(UTC), unique=secrets.token_hex(12))
            message_id = self._deliver(mail, "envelope_to" if fields.get("as") == receive_form.FILE else "to")
        except InvalidFormError as error:
            lost = {"attachments", "eml"} & files.keys() - error.errors.keys()
            again = dict.fromkeys(lost, "Choose the files again: a browser does not keep them.")
            return self._page(request, {"receive": {**again, **error.errors}}, receive=fields)
        return RedirectResponse(f"/received/{message_id}?made=inbound", status_code=303)

    def _deliver(self, mail: receive_form.Incoming, recipients_field: str) -> str:
        try:
            return simulator.receive(self._api, mail)
        except MailRefused as error:
            if error.reply != NOBODY:
                raise InvalidFormError({recipients_field: f"SES refuses the mail: {error.reply}"}) from error
            known = ", ".join(simulator.received_for(self._room.deployment))
            reason = (
                f"No receipt rule takes mail for {', '.join(mail.rcpt_to)}. Mail is received for {known}."
                if known
                else "There is no receipt rule: set `inbound.domains` and deploy."
            )
            raise InvalidFormError({recipients_field: reason}) from error
        except ControlError as error:
            raise InvalidFormError({"as": f"{error}."}) from error

    async def _changed(
        self, request: Request, part: str, change: Callable[[Mapping[str, str]], None]
    ) -> Response:
        """Answer a form that changes one part of the simulated SES."""
        fields = await form(request)

        def answer() -> Response:
            try:
                change(fields)
            except InvalidFormError as error:
                return self._page(request, {part: error.errors}, **{part: fields})
            return RedirectResponse(f"/tools#{part}", status_code=303)

        return await run_in_threadpool(answer)

    def _change_faults(self, fields: Mapping[str, str]) -> None:
        removed = fields.get("remove", "")
        if "clear" in fields:
            self._api.request("DELETE", "faults")
        elif removed:
            # one that has happened meanwhile is removed already
            if removed in {str(fault.id) for fault in simulator.faults(self._api)}:
                self._api.request("DELETE", f"faults/{removed}")
        else:
            try:
                self._api.request("POST", "faults", armed(fields))
            except ControlError as error:
                raise refused(str(error)) from error

    def _change_account(self, fields: Mapping[str, str]) -> None:
        self._api.request("PUT", "account", account_form.changes(fields))

    def _page(
        self, request: Request, errors: Mapping[str, Mapping[str, str]], **given: Mapping[str, str]
    ) -> Response:
        """Return the page, with what is wrong in a form and what was given in it."""
        deployment = self._room.deployment
        received_for, recent = simulator.received_for(deployment), self._recent()
        return render(
            request,
            "tools.html",
            status_code=INVALID if errors else 200,
            # also at the address of a form that is wrong
            page="tools",
            errors=errors,
            given=given,
            receive=given.get("receive") or self._prefilled(request, received_for),
            received_for=received_for,
            recent=recent,
            event=self._event(request, recent),
            faults=simulator.faults(self._api),
            presets=PRESETS,
            fault_choices=CHOICES,
            operations=OPERATION_LABELS,
            account=simulator.account(self._api),
        )

    def _prefilled(self, request: Request, received_for: Sequence[str]) -> dict[str, str]:
        """Return what the form has at first: the answer to a sent mail, or addresses that are received."""
        answered = request.query_params.get("answer", "")
        recipient = request.query_params.get("recipient")
        found = sent_mail.answer(self._room.deployment, answered, recipient) if answered else None
        if found is not None:
            return {
                "from": found.mail_from,
                "to": found.rcpt_to,
                "subject": found.subject,
                "text": found.text,
                "in_reply_to": found.in_reply_to or "",
                "references": found.references or "",
                "answered": answered,
            }
        domain = next((each for each in received_for if "@" not in each), None)
        to = f"support@{domain}" if domain else next(iter(received_for), "")
        return {"from": "ada@example.org", "to": to, "lost": answered}

    def _recent(self) -> tuple[Recent, ...]:
        """Return the newest sent mails, one of each message, to choose from."""
        table = self._room.timeline
        mails = () if table is None else table.newest(limit=RECENT).mails
        by_id = {mail.message_id: mail for mail in reversed(mails) if mail.message_id}
        # of others the simulated SES knows nothing: it was started again since
        subjects = self._room.subjects.of(by_id)
        return tuple(
            Recent(
                message_id=message_id,
                subject=subjects[message_id].subject,
                recipient=_recipients(subjects[message_id].recipients),
                label=STATUS_WORDS[mail.status].label,
            )
            for message_id, mail in reversed(by_id.items())
            if message_id in subjects
        )

    def _event(self, request: Request, recent: Sequence[Recent]) -> EventForm | None:
        """Return the form for an event of the chosen mail, or else of the newest."""
        chosen = request.query_params.get("mail") or next((mail.message_id for mail in recent), "")
        found = sent_mail.find(
            self._room.deployment, self._room.timeline, chosen, request.query_params.get("as")
        )
        return None if found is None else event_form(found, chosen=request.query_params.get("event"))


def _recipients(addresses: Sequence[str]) -> str:
    return addresses[0] if len(addresses) == 1 else f"{len(addresses)} recipients"
