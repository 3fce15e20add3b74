"""The page of dead letters: queues, groups, one letter to correct, and what is done with many."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from mailbus_cli.dead_letters import documents, redriving
from mailbus_cli.dead_letters.checking import check
from mailbus_cli.dead_letters.consequences import consequences, words
from mailbus_cli.dead_letters.folding import fold
from mailbus_cli.dead_letters.ledger import state_of
from mailbus_cli.errors import CommandError
from mailbus_cli.room import letter_box, letter_view
from mailbus_cli.room.letter_box import LetterBox
from mailbus_cli.room.letter_view import Opened
from mailbus_cli.room.recently_used import RecentlyUsed
from mailbus_cli.room.rendering import render
from mailbus_cli.room.security import form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request

    from mailbus_cli.dead_letters.checking import Problem
    from mailbus_cli.dead_letters.documents import Document
    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.dead_letters.queues import LetterQueue
    from mailbus_cli.dead_letters.reading import Reading
    from mailbus_cli.room.room import Room

ROOT: Final = "/dead-letters"
_NOT_READ: Final = "It was not read, or is not there any more: read the queue again."
#: How long a reading is not repeated by itself: what SQS counts lags behind.
FRESH_SECONDS: Final = 5
#: Documents that are kept.
DOCUMENTS: Final = 8
Fields = dict[str, list[str]]


def routes(room: Room) -> list[Route]:
    """Return the routes below `/dead-letters`."""
    pages = LetterPages(room)

    def post(action: Callable[[Request, LetterQueue, Fields], Response]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            await form(request)
            submitted = await request.form()
            fields = {name: [str(value) for value in submitted.getlist(name)] for name in submitted}
            queue = pages.box.queue(request.path_params["queue"])
            if queue is None:
                return PlainTextResponse(_NOT_READ, 404)
            return await run_in_threadpool(action, request, queue, fields)

        return endpoint

    return [
        Route(ROOT, pages.first),
        Route(f"{ROOT}/{{queue}}", pages.page),
        Route(f"{ROOT}/{{queue}}/read", post(pages.read), methods=["POST"]),
        Route(f"{ROOT}/{{queue}}/check", post(pages.check), methods=["POST"]),
        Route(f"{ROOT}/{{queue}}/copy", post(pages.copy), methods=["POST"]),
        Route(f"{ROOT}/{{queue}}/redrive", post(pages.redrive), methods=["POST"]),
        Route(f"{ROOT}/{{queue}}/delete", post(pages.delete), methods=["POST"]),
        Route(f"{ROOT}/{{queue}}/{{id}}", pages.page),
    ]


class LetterPages:
    """The endpoints."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.box = LetterBox(room.deployment)
        # what is checked while somebody types is read from S3 once
        self._documents: RecentlyUsed[Document] = RecentlyUsed(DOCUMENTS)

    def first(self, _request: Request) -> Response:
        """Lead to the first queue."""
        return RedirectResponse(f"{ROOT}/{self.box.queues[0].name}", status_code=303)

    def page(self, request: Request) -> Response:
        """Return the list of a queue, with a letter beside it. It reads nothing that would hide letters."""
        queue = self.box.queue(request.path_params["queue"])
        if queue is None:
            return RedirectResponse(ROOT, status_code=303)
        reading, refusal = self.box.reading(queue), self.box.refusal(queue)
        counts = self.box.counts()
        listed = letter_view.groups(reading.letters) if reading else ()
        order = letter_view.in_order(listed)
        chosen = request.path_params.get("id")
        letter = self.box.letter(queue, chosen) if chosen else next(iter(order), None)
        position = 1 + next((at for at, one in enumerate(order) if letter and one.id == letter.id), 0)
        return render(
            request,
            "dead_letters.html",
            status_code=404 if chosen and reading and not letter else 200,
            queue=queue,
            queues=self.box.queues,
            counts=counts,
            reading=reading,
            refusal=refusal,
            policy=letter_box.policy(self._room.deployment, queue) if refusal else "",
            notice=self.box.notice(queue),
            groups=listed,
            listed=len(order),
            position=position,
            is_chosen=bool(chosen),
            is_stale=not chosen and refusal is None and _is_stale(reading, counts[queue.name]),
            is_gone=bool(chosen) and letter is None,
            opened=self._opened(letter) if letter else None,
        )

    def read(self, _request: Request, queue: LetterQueue, fields: Fields) -> Response:
        """Read a queue: its letters are hidden from others for some seconds, hence no GET."""
        self.box.read(queue)
        return self._back(queue, _one(fields, "id"))

    def check(self, _request: Request, queue: LetterQueue, fields: Fields) -> Response:
        """Return what is wrong in a job as it is edited, and what was changed, as JSON."""
        letter = self.box.letter(queue, _one(fields, "id"))
        if letter is None:
            return PlainTextResponse(_NOT_READ, 404)
        text = _text(fields)
        folded = fold(self._document(letter).text)
        rows = letter_view.changes(folded.text, text)
        problems = self._problems(letter, folded.unfold(text))
        return JSONResponse(
            {
                "problems": [{"path": one.path, "reason": one.reason, "line": one.line} for one in problems],
                "changed": letter_view.changed_lines(rows),
                "rows": [{"sign": row.sign, "text": row.text} for row in rows],
            }
        )

    def copy(self, _request: Request, queue: LetterQueue, fields: Fields) -> Response:
        """Return the chosen letters as JSON lines, or the lines of text that are no JSON."""
        lines = ("".join(one.body.splitlines()) for one in self._chosen(queue, fields))
        return PlainTextResponse("".join(f"{line}\n" for line in lines), media_type="application/x-ndjson")

    def redrive(self, _request: Request, queue: LetterQueue, fields: Fields) -> Response:
        """Send letters to the queue that they came from: many as they are, or one as it was edited."""
        letters = self._chosen(queue, fields)
        bodies: dict[str, str | None] = {one.id: None for one in letters}
        if "text" in fields:
            letter = letters[0] if len(letters) == 1 and queue.has_jobs else None
            if letter is None:
                return PlainTextResponse(_NOT_READ, 404)
            text = fold(self._document(letter).text).unfold(_text(fields))
            if problems := self._problems(letter, text):
                self.box.note(queue, f"Not redriven: {problems[0].path} {problems[0].reason}.")
                return self._back(queue, letter.id)
            try:
                bodies[letter.id] = documents.body_of(self._room.deployment, letter, text)
            except CommandError as error:
                self.box.note(queue, f"Not redriven: {error}. {error.hint}")
                return self._back(queue, letter.id)
        return self._settle(
            queue, lambda: redriving.redrive(self._room.deployment, queue, bodies), verb="redriven"
        )

    def delete(self, _request: Request, queue: LetterQueue, fields: Fields) -> Response:
        """Delete letters for good."""
        ids = [one.id for one in self._chosen(queue, fields)]
        return self._settle(
            queue, lambda: redriving.delete(self._room.deployment, queue, ids), verb="deleted"
        )

    def _settle(
        self, queue: LetterQueue, act: Callable[[], Sequence[redriving.Outcome]], *, verb: str
    ) -> Response:
        try:
            self.box.settle(queue, act(), verb=verb)
        except Exception as error:
            refusal = letter_box.explained(error)
            if refusal is None:
                raise
            self.box.note(queue, f"Nothing was {verb}: {refusal.reason}. {refusal.hint}")
        return self._back(queue)

    def _chosen(self, queue: LetterQueue, fields: Mapping[str, list[str]]) -> tuple[Letter, ...]:
        return self.box.chosen(queue, {*fields.get("id", ())}, {*fields.get("error", ())})

    def _document(self, letter: Letter) -> Document:
        known = self._documents.get(letter.id)
        if known is None:
            known = documents.load(self._room.deployment, letter)
            self._documents.keep(letter.id, known)
        return known

    def _opened(self, letter: Letter) -> Opened:
        document = self._document(letter)
        return Opened(
            letter=letter,
            document=document,
            folded=fold(document.text),
            problems=self._problems(letter, document.text),
            words=words(letter),
            done=consequences(letter, state_of(self._room.deployment, letter)),
        )

    def _problems(self, letter: Letter, text: str) -> tuple[Problem, ...]:
        if letter.lane is None:
            return ()
        return check(text, job_id=letter.original_id, defaults=self.box.defaults(), now=time.time())

    def _back(self, queue: LetterQueue, letter_id: str = "") -> Response:
        known = letter_id and self.box.letter(queue, letter_id)
        return RedirectResponse(
            f"{ROOT}/{queue.name}/{letter_id}" if known else f"{ROOT}/{queue.name}", status_code=303
        )


def _is_stale(reading: Reading | None, count: int | None) -> bool:
    """Return whether a queue should be read: it was not yet, or has more or fewer letters by now."""
    if reading is None:
        return True
    age = (datetime.now(UTC) - reading.read_at).total_seconds()
    return age > FRESH_SECONDS and count is not None and count != len(reading.letters) + reading.left


def _one(fields: Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _text(fields: Fields) -> str:
    """Return the text of a form, in which browsers end lines by CR and LF."""
    return _one(fields, "text").replace("\r\n", "\n")
