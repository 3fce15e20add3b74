"""Renders the pages: Jinja2 templates, with everything escaped, and the filters that they share."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from mailbus_cli.doctor.durations import words
from mailbus_cli.pace import number
from mailbus_cli.room.content.mail import TEXT_CHARACTERS
from mailbus_cli.room.icons import icon
from mailbus_cli.room.json_markup import json_markup
from mailbus_cli.room.keys import KEYS, PAGES
from mailbus_cli.room.sizes import size
from mailbus_cli.room.timeline_view import clock
from mailbus_cli.room.vitals import sidebar

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mailbus_cli.room.room import Room

#: The header of a request for a page without its navigation.
PART: Final = "x-part"
TEMPLATES: Final = Path(__file__).parent / "templates"
_MINUTE: Final = 60
# what opens and closes embeddings, overrides and isolates of a direction
_BIDI: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
#: Characters of an address, and of an id, that a row shows.
_ADDRESS: Final = 30
_ID: Final = 25


def render(request: Request, template: str, status_code: int = 200, **context: Any) -> Response:  # noqa: ANN401
    """Return a page."""
    room: Room = request.app.state.room
    token = Markup('<input type="hidden" name="form_token" value="{}">').format(room.form_token)
    text = (
        _environment()
        .get_template(template)
        .render(
            request=request,
            # an open page reads again only what is in its middle
            layout="part.html" if PART in request.headers else "base.html",
            room=room,
            deployment=room.deployment,
            is_local=room.deployment.is_local,
            may_write=room.may_write,
            option=room.deployment.option,
            page=context.pop("page", request.url.path.split("/")[1]),
            pages=request.app.state.pages,
            form_token=lambda: token,
            vitals=sidebar(room.vitals.last, room.doctor.last),
            **context,
        )
    )
    return HTMLResponse(text.encode("utf-8", "replace"), status_code)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.ChainableUndefined,
    )
    environment.globals |= {
        "icon": icon,
        "keys": KEYS,
        "all_pages": PAGES,
        "text_characters": TEXT_CHARACTERS,
    }
    environment.filters |= {
        "bytes": size,
        "json_markup": json_markup,
        "clock_local": lambda at: clock(at, datetime.now(UTC), utc=False),
        "clock_utc": lambda at: clock(at, datetime.now(UTC), utc=True),
        "clock_short": _short,
        "clock_seconds": _seconds,
        "day_and_time": lambda at: f"{at.astimezone():%d %b %Y, %H:%M:%S}",
        "address": address,
        "short_address": short_address,
        "short": short,
        "plain": lambda number: f"{number:.10g}",
        "ticks": ticks,
        "isolated": isolated,
        "ago": lambda at: ago(datetime.now(UTC) - at),
        "time_of_day": lambda at: f"{at.astimezone():%H:%M}",
        "time_of_day_seconds": lambda at: f"{at.astimezone():%H:%M:%S}",
        "rate": number,
        "duration": words,
    }
    return environment


def address(text: str) -> Markup:
    """Return an address whose domain is quieter than the part that tells it from others."""
    local, at, domain = text.rpartition("@")
    return (
        Markup('<bdi>{}<span class="quiet">{}</span></bdi>').format(local, at + domain)
        if at
        else escape(text)
    )


def short_address(text: str, length: int = _ADDRESS) -> Markup:
    """Return an address as `address` does; of a long one the middles of both parts are left out.

    The whole address is there for screen readers, as a title, and to be copied.
    """
    local, at, domain = text.rpartition("@")
    if len(text) <= length or not at:
        return address(text) if at else short(text, length)
    name = middle(local, length // 2)
    shown = address(f"{name}@{_ending(domain, length - len(name) - 1)}")
    return _shortened(shown, text)


def short(text: str, length: int = _ID) -> Markup:
    """Return a text without its middle if it is long; the whole of it as `short_address` does."""
    return escape(text) if len(text) <= length else _shortened(escape(middle(text, length)), text)


def middle(text: str, length: int) -> str:
    """Return a text of at most so many characters: of a longer one beginning and end."""
    kept = length - 1
    return text if len(text) <= length else f"{text[: kept - kept // 3]}…{text[-(kept // 3) :]}"


def _ending(text: str, length: int) -> str:
    return text if len(text) <= length else f"…{text[1 - length :]}"


def _shortened(shown: Markup, whole: str) -> Markup:
    return Markup(
        '<span class="short" title="{whole}" aria-hidden="true">{shown}</span>'
        '<bdi class="hidden">{whole}</bdi>'
    ).format(shown=shown, whole=whole)


def isolated(text: str) -> str:
    """Return a text that cannot turn around what stands beside it, where no element can hold it.

    https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates
    """
    return f"\u2068{text.translate(_BIDI)}\u2069"


def ticks(text: str) -> Markup:
    """Return a text in which what stands between backticks is code."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if at % 2 and at < len(pieces) - 1 else piece
        for at, piece in enumerate(pieces)
    )


def ago(span: timedelta) -> str:
    """Return how long ago something was, as the script on the page says it: `42 s ago`."""
    seconds = max(0, round(span.total_seconds()))
    return f"{seconds} s ago" if seconds < _MINUTE else f"{words(seconds)} ago"


def _seconds(at: datetime) -> str:
    """Return the time of day with seconds, or the day of a mail of another day."""
    local = at.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == datetime.now(UTC).astimezone().date() else _short(at)


def _short(at: datetime) -> str:
    """Return the time of day, or the day of a mail of another day."""
    local, now = at.astimezone(), datetime.now(UTC).astimezone()
    if local.date() == now.date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b}" if local.year == now.year else f"{local.day} {local:%b %Y}"
