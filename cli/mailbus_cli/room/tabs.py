"""The tabs of a mail's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus_cli.room.content.checks import Check, checks
from mailbus_cli.room.content.frame import remote_images
from mailbus_cli.room.content.links import Link, links

if TYPE_CHECKING:
    from mailbus_cli.room.content.mail import Content


class Tab(msgspec.Struct, frozen=True, kw_only=True):
    """A tab, with the number of what is on it."""

    key: str
    label: str
    count: int | None = None


class Tabs(msgspec.Struct, frozen=True, kw_only=True):
    """The tabs of a mail, which of them is shown, and what several of them show."""

    listed: tuple[Tab, ...]
    shown: str
    links: tuple[Link, ...]
    checks: tuple[Check, ...]
    remote: int


def tabs(content: Content, wanted: str, *, is_received: bool, is_bulk: bool = False) -> Tabs:
    """Return the tabs of a mail; `wanted` is the one that its address names, if there is such a one."""
    found = links(content.html, content.text)
    objections = () if is_received else checks(content, is_bulk=is_bulk)
    own = (
        Tab(key="event", label="Event")
        if is_received
        else Tab(key="checks", label="Checks", count=len(objections))
    )
    listed = (
        Tab(key="html", label="HTML"),
        Tab(key="text", label="Text"),
        Tab(key="headers", label="Headers", count=len(content.headers)),
        Tab(key="attachments", label="Attachments", count=len(content.files)),
        Tab(key="links", label="Links", count=len(found)),
        own,
        Tab(key="source", label="Source"),
    )
    first = "html" if content.html is not None else "text"
    return Tabs(
        listed=listed,
        shown=wanted if wanted in {tab.key for tab in listed} else first,
        links=found,
        checks=objections,
        remote=remote_images(content.html or ""),
    )
