"""The page of sent mail: the newest, or what a search found."""

from __future__ import annotations

import functools
import time
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from starlette.routing import Route

from mailbus.errors import MailbusError
from mailbus_cli import mails as timeline_search
from mailbus_cli.errors import UsageError
from mailbus_cli.room.failures import failure_of
from mailbus_cli.room.metadata import Metadata
from mailbus_cli.room.recently_used import RecentlyUsed
from mailbus_cli.room.rendering import render
from mailbus_cli.room.room import NO_TIMELINE
from mailbus_cli.room.sent_list import Row, rows
from mailbus_cli.room.sent_reader import Listing, SentReader
from mailbus_cli.room.snippets import snippets
from mailbus_cli.status_words import CHIPS, LEDGER_STATUSES, Chip

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mailbus_cli.room.room import Room

PAGE: Final = 50
#: What no search finds.
BEYOND: Final = "Older mail, and mail that went past Mailbus, is not here."
#: Lists that are kept, to be shown while they cannot be read.
KEPT: Final = 20


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A list as it was read at a time."""

    listing: Listing
    rows: tuple[Row, ...]
    counts: dict[str, int] | None
    at: datetime


def routes(room: Room) -> list[Route]:
    """Return the route of the list."""
    return [Route("/sent", SentPages(room).page)]


class SentPages:
    """The endpoint."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._metadata = Metadata(room.deployment)
        self._reader = SentReader(room, page=PAGE)
        self._kept: RecentlyUsed[_Shown] = RecentlyUsed(KEPT)

    def page(self, request: Request) -> Response:
        """Return the list; while it cannot be read, as it was read last."""
        deployment = self._room.deployment
        query = request.query_params.get("q", "").strip()
        before = request.query_params.get("before")
        key = request.query_params.get("status", "")
        chip = next((chip for chip in CHIPS if chip.key == key), CHIPS[0])
        # a list by its search, its chip and where it begins
        name = (query, chip.key, before)
        problem, failure = None, None
        shown = _Shown(listing=Listing(items=()), rows=(), counts=None, at=datetime.now(UTC))
        try:
            shown = self._read(query, before, chip)
            self._kept.keep(name, shown)
        except timeline_search.NoTimeline:
            problem = NO_TIMELINE
        except UsageError as error:
            problem = (str(error), error.hint)
        except (MailbusError, ClientError, BotoCoreError) as error:
            failure = failure_of(error, deployment.profile)
            kept = self._kept.get(name) if failure.is_of_reading else None
            if kept is None:
                raise
            shown = kept
        headline, _, explanation = (shown.listing.empty or "").partition(". ")
        return render(
            request,
            "sent.html",
            status_code=failure.status if failure else 200,
            rows=shown.rows,
            # by which an open page sees that there is something new
            version=f"{zlib.crc32(''.join(row.version for row in shown.rows).encode()):x}",
            # the ledger says nothing by itself
            again=deployment.is_local and _is_of_ledger(shown.rows, chip),
            at=functools.partial(_address, q=query, status=chip.key),
            chips=CHIPS,
            chip=chip,
            q=query,
            before=before,
            counts=shown.counts,
            listing=shown.listing,
            # an account has no subjects
            metadata={}
            if deployment.is_local
            else self._metadata.of(row.job_id for row in shown.rows if row.job_id),
            headline=headline.removesuffix("."),
            explanation=f"{explanation} {BEYOND}" if "timeline" in explanation else explanation,
            problem=problem,
            failure=failure,
            read_at=shown.at,
            snippets=snippets(deployment),
        )

    def _read(self, query: str, before: str | None, chip: Chip) -> _Shown:
        reader, deployment = self._reader, self._room.deployment
        listing = reader.search(query, chip) if query else reader.newest(before, chip)
        message_ids = (mail.message_id for item in listing.items for mail in item.mails[:1])
        seconds = deployment.outputs.get("DoubtSeconds")
        listed = rows(
            listing.items,
            self._room.subjects.of(each for each in message_ids if each),
            option=deployment.option,
            doubt_seconds=float(seconds) if seconds else None,
            now=time.time(),
        )
        return _Shown(
            listing=listing,
            rows=listed,
            counts=None if query else reader.counts(listing.waiting),
            at=datetime.now(UTC),
        )


def _address(*, q: str, status: str, before: str | None = None) -> str:
    """Return the address of a list."""
    asked = {"q": q, "status": "" if status == CHIPS[0].key else status, "before": before}
    given = urlencode({name: value for name, value in asked.items() if value})
    return f"/sent?{given}" if given else "/sent"


def _is_of_ledger(listed: tuple[Row, ...], chip: Chip) -> bool:
    return bool(chip.statuses & LEDGER_STATUSES) or any(row.status in LEDGER_STATUSES for row in listed)
