"""Paths into a job document, such as `$.attachments[0].content`, and the errors raised at them.

Paths go into logs, and addresses do not: an entry that is keyed by address is named by its position.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from mailbus.errors import InvalidJob, UnsupportedFeature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from mailbus import validation

QUOTED_CHARACTERS: Final = 80
_PLAIN_NAME: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{QUOTED_CHARACTERS}}}")


def refuse(path: str, reason: str) -> NoReturn:
    """Raise `InvalidJob`."""
    raise InvalidJob(path, reason)


def refuse_feature(path: str, feature: str, reason: str) -> NoReturn:
    """Raise `UnsupportedFeature`."""
    raise UnsupportedFeature(path, feature, reason)


def quoted(name: str) -> str:
    """Return a name from a job in quotes and ASCII, cut to a readable length."""
    return ascii(name[:QUOTED_CHARACTERS]) + ("…" if len(name) > QUOTED_CHARACTERS else "")


def entry_path(path: str, name: str, position: int) -> str:
    """Return the path of an object's entry; `position` counts from 1."""
    if "@" in name:
        return f"{path}[entry {position}]"
    return f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{path}[{quoted(name)}]"


def json_path(document: object, keys: validation.Path, root: str = "$") -> str:
    """Return the path of a part of a document, by its keys; the last key may be missing there."""
    path, value = root, document
    for key in keys:
        if isinstance(value, dict):
            position = next((place for place, name in enumerate(value, 1) if name == key), 0)
            path, value = entry_path(path, str(key), position), value.get(key)
        elif isinstance(value, list | tuple) and isinstance(key, int):
            path, value = f"{path}[{key}]", value[key]
    return path


def walk(document: object) -> Iterator[tuple[object, str]]:
    """Yield each name and value of a document in order, with its path."""
    waiting = [(document, "$")]
    while waiting:
        value, path = waiting.pop()
        yield value, path
        if isinstance(value, dict):
            entries: list[tuple[object, str]] = []
            for position, (name, item) in enumerate(value.items(), 1):
                at = entry_path(path, name, position)
                entries += [(name, at), (item, at)]
            waiting.extend(reversed(entries))
        elif isinstance(value, list):
            waiting.extend((item, f"{path}[{index}]") for index, item in reversed([*enumerate(value)]))
