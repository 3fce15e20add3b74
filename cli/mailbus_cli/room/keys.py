"""The keys of the pages, as their dialog lists them; static/room.js and `data-key` in templates do it."""

from __future__ import annotations

from typing import Final

import msgspec


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that do one thing; several are pressed one after the other, or each alone if `each`."""

    keys: tuple[str, ...]
    does: str
    each: bool = False


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the navigation; `key` leads there after `g`."""

    path: str
    label: str
    icon: str
    key: str
    local_only: bool = False


PAGES: Final = (
    Page(path="sent", label="Sent", icon="plane", key="s"),
    Page(path="received", label="Received", icon="inbox", key="r"),
    Page(path="dead-letters", label="Dead letters", icon="letters", key="d"),
    Page(path="overview", label="Overview", icon="overview", key="o"),
    Page(path="tools", label="Tools", icon="sliders", key="t", local_only=True),
)
#: By where they work.
KEYS: Final[dict[str, tuple[Key, ...]]] = {
    "Everywhere": (
        *(Key(keys=("g", page.key), does=page.label) for page in PAGES),
        Key(keys=("/",), does="search"),
        Key(keys=("Esc",), does="back; out of a field"),
        Key(keys=("?",), does="these keys"),
    ),
    "In a list": (
        Key(keys=("j", "k"), each=True, does="next, previous"),
        Key(keys=("Enter",), does="open"),
        Key(keys=("x",), does="select"),
        Key(keys=("f",), does="next status; Enter shows it"),
        Key(keys=(".",), does="show new mail"),
        Key(keys=("l",), does="live, or not"),
    ),
    "In a mail": (
        Key(keys=("j", "k"), each=True, does="next, previous mail"),
        Key(keys=("1", "…", "7"), each=True, does="its tabs"),
        Key(keys=("o",), does="open as recipient"),
        Key(keys=("c",), does="copy as EventBridge pattern"),
    ),
    "In a dead letter": (
        Key(keys=("e",), does="next error"),
        Key(keys=("⇧", "R"), does="redrive"),
    ),
}
