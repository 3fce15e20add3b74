"""Puts the bodies of a mail, its html and its alternatives, into the order in which they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus.jobs.attachments import MAX_ATTACHMENTS
from mailbus.jobs.content_types import media_type_of, read_content_type, split_content_type
from mailbus.jobs.contract import Alternative
from mailbus.jobs.json_paths import refuse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

_TEXT: Final = "text/plain"
_HTML: Final = "text/html"
# Only clients that support it show AMP, and only if it is before the html:
# https://developers.google.com/workspace/gmail/ampemail/security-requirements
_AMP: Final = "text/x-amp-html"
_INVITATION: Final = "text/calendar"


class Bodies(msgspec.Struct, frozen=True, kw_only=True):
    """The html of a mail and its alternatives, of which so many are before the html."""

    html: str | None
    alternatives: tuple[Alternative, ...]
    before_html: int


def read_bodies(
    html: str | None, alternatives: Sequence[Alternative], path: str, *, has_text: bool = True
) -> Bodies:
    """Return the bodies in the order in which they are sent. Raises `InvalidJob`.

    A mail program shows the last one that it can. Without html in its own field the last alternative of that
    type is the html, and has its place among the others; otherwise text is before html, and what is no text
    to read, such as an invitation, after it.
    """
    if not alternatives:
        return Bodies(html=html, alternatives=(), before_html=0)
    if len(alternatives) > MAX_ATTACHMENTS:
        refuse(path, f"has {len(alternatives)} entries; SES allows at most {MAX_ATTACHMENTS} per mail")
    read = [
        _alternative(written, f"{path}[{index}].content_type") for index, written in enumerate(alternatives)
    ]
    media_types = [media_type_of(alternative.content_type) for alternative in read]
    if _TEXT in media_types and not has_text:
        refuse(
            f"{path}[{media_types.index(_TEXT)}].content_type", "must not be text/plain: use the field text"
        )
    place = None
    if html is None and _HTML in media_types:
        place = len(media_types) - 1 - media_types[::-1].index(_HTML)
    before: list[Alternative] = []
    after: list[Alternative] = []
    for index, (alternative, media_type) in enumerate(zip(read, media_types, strict=True)):
        if index == place:
            html = alternative.content
        elif media_type == _AMP or (precedes_html(media_type) if place is None else index < place):
            before.append(alternative)
        else:
            after.append(alternative)
    return Bodies(html=html, alternatives=(*before, *after), before_html=len(before))


def precedes_html(media_type: str) -> bool:
    """Return whether an alternative is before the html of a mail that does not say where."""
    return media_type.startswith("text/") and media_type != _INVITATION


def _alternative(alternative: Alternative, path: str) -> Alternative:
    written = read_content_type(alternative.content_type, path)
    media_type, parameters = split_content_type(written)
    if not media_type.lower().startswith(("text/", "application/")):
        refuse(path, "must be a text/* or application/* type; other files are attachments")
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.lower() == "charset" and value.strip('"').lower() != "utf-8":
            refuse(path, "must not name a charset other than utf-8, in which the text is sent; remove it")
    return Alternative(content=alternative.content, content_type=written)
