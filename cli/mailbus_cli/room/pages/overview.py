"""The overview: what needs attention, pace against limit, quota, queues, mails in doubt, the doctor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from mailbus_cli.pace import BOUNCE_REVIEW, COMPLAINT_REVIEW, WARNS_AT, quota_words
from mailbus_cli.queues import Situation, state_of
from mailbus_cli.room import attention, chart, security
from mailbus_cli.room.doctor_run import kind_of_record
from mailbus_cli.room.failures import Failure
from mailbus_cli.room.rendering import render

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mailbus_cli.queues import Queue, State
    from mailbus_cli.room.readings import Reading
    from mailbus_cli.room.room import Room

_NOTHING: Final = Failure(
    title="Nothing could be read",
    hint="AWS did not answer in time. The page tries again.",
    passes=True,
)


def routes(room: Room) -> list[Route]:
    """Return the routes of the page, and of the figures beside all pages."""
    pages = OverviewPages(room)
    return [
        Route("/overview", pages.page),
        Route("/vitals", pages.vitals),
        Route("/doctor", pages.doctor, methods=["POST"]),
    ]


class OverviewPages:
    """The endpoints."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def page(self, request: Request) -> Response:
        """Return the page."""
        reading, run = self._room.vitals.look(), self._room.doctor.last
        failure = _NOTHING if reading is None else reading.failure
        if reading is None or failure:
            return render(request, "failure.html", status_code=(failure or _NOTHING).status, failure=failure)
        limits, pace = reading.limits.value, reading.pace.value
        return render(
            request,
            "overview.html",
            reading=reading,
            outdated=self._room.vitals.failure,
            items=attention.items(reading, run),
            flow=attention.flow(reading),
            limits=limits,
            pace=pace,
            chart=chart.chart(pace, limits.rate if limits else None) if pace else None,
            quota=quota_words(limits, pace, datetime.now(UTC)) if limits else None,
            warns_at=WARNS_AT,
            reviews=(BOUNCE_REVIEW, COMPLAINT_REVIEW),
            queues=[(queue, _state(reading, queue)) for queue in _queues(reading)],
            run=run,
            kind_of_record=kind_of_record,
        )

    def vitals(self, request: Request) -> Response:
        """Return the figures beside the pages."""
        self._room.vitals.look()
        return render(request, "vitals.html")

    async def doctor(self, request: Request) -> Response:
        """Run the doctor."""
        await security.form(request)
        await run_in_threadpool(self._room.doctor.run)
        return RedirectResponse("/overview#doctor", status_code=303)


def _queues(reading: Reading) -> tuple[Queue, ...]:
    return reading.queues.value.all if reading.queues.value else ()


def _state(reading: Reading, queue: Queue) -> State:
    limits, pace = reading.limits.value, reading.pace.value
    return state_of(
        Situation(
            queue=queue,
            pace=pace.now if pace else None,
            is_paused=limits is not None and not limits.is_enabled,
            is_quota_used=limits is not None and limits.left == 0,
        )
    )
