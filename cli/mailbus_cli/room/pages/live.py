"""The stream that tells open pages what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mailbus_cli.room.live import Live
    from mailbus_cli.room.room import Room


def routes(_room: Room) -> list[Route]:
    """Return the route of the stream."""
    return [Route("/live", _stream)]


async def _stream(request: Request) -> Response:
    """Return the stream of a page; `look` is the path of what it shows: a list, a mail, or nothing.

    A browser that connects again names the last id by a header, a page that was hidden meanwhile by `since`.
    """
    live: Live = request.app.state.live
    last_id = request.headers.get("last-event-id") or request.query_params.get("since", "")
    look = request.query_params.get("look", "")
    return StreamingResponse(live.stream(last_id, look), media_type="text/event-stream")
