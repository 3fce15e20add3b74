"""The page of sent mail: the newest, or what a search found."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from mailbus_cli import mails as search
from mailbus_cli.errors import UsageError
from mailbus_cli.room.rendering import render
from mailbus_cli.room.sent_list import rows
from mailbus_cli.room.subjects import Subjects
from mailbus_cli.status_words import CHIPS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mailbus.timeline.mails import TimelineMail
    from mailbus_cli.room.room import Room
    from mailbus_cli.status_words import Chip

PAGE: Final = 50
#: Mails of one status are looked for among so many of the newest.
SEARCHED: Final = 500


def routes(room: Room) -> list[Route]:
    """Return the route of the list."""
    return [Route("/sent", SentPages(room).page)]


class SentPages:
    """The endpoint."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._subjects = Subjects(room.deployment)

    def page(self, request: Request) -> Response:
        """Return the list."""
        query = request.query_params.get("q", "").strip()
        key = request.query_params.get("status", "")
        chip = next((chip for chip in CHIPS if chip.key == key), CHIPS[0])
        found: tuple[TimelineMail, ...] = ()
        older, empty, problem = None, None, None
        try:
            if query:
                result = search.search(self._room.deployment, query)
                found = tuple(mail for mail in result.mails if _has(mail, chip))
                empty = search.nothing_found(self._room.deployment, result)
            else:
                found, older = self._newest(request.query_params.get("before"), chip)
        except (UsageError, search.NoTimeline) as error:
            problem = error
        listed = rows(found, self._subjects.of(mail.message_id for mail in found if mail.message_id))
        return render(
            request,
            "sent.html",
            rows=listed,
            # by which an open page sees that there is something new
            version=f"{zlib.crc32(''.join(row.version for row in listed).encode()):x}",
            chips=CHIPS,
            chip=chip,
            q=query,
            older=older,
            empty=empty,
            problem=problem,
            searched=SEARCHED,
        )

    def _newest(self, before: str | None, chip: Chip) -> tuple[tuple[TimelineMail, ...], str | None]:
        """Return the newest mails with a chip's statuses, and where the next page begins."""
        table = search.timeline(self._room.deployment)
        found: list[TimelineMail] = []
        looked_through = 0
        while True:
            page = table.newest(before, PAGE)
            looked_through += PAGE
            found += [mail for mail in page.mails if _has(mail, chip)]
            before = page.older
            if before is None or len({mail.group for mail in found}) >= PAGE or looked_through >= SEARCHED:
                return tuple(found), before


def _has(mail: TimelineMail, chip: Chip) -> bool:
    return not chip.statuses or mail.status in chip.statuses
