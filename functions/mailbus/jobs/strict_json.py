"""Job documents as JSON, read strictly.

JSON allows what no job can mean: duplicate keys, halves of surrogate pairs, numbers that are not finite,
nesting of any depth. Each is refused here with its path.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

from mailbus import validation
from mailbus.errors import InvalidJob
from mailbus.jobs.json_paths import entry_path, json_path, refuse, walk
from mailbus.jobs.wrapped_jobs import refuse_encoded, refuse_wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

T = TypeVar("T")

# a job has four levels; template data has its own
MAX_DEPTH: Final = 64


def validate(value: object, kind: type[T], path: str = "$") -> T:
    """Convert the part of a job at `path` to its type. Raises `InvalidJob` for its first invalid value."""
    try:
        return validation.validate(value, kind)
    except validation.ValidationError as error:
        raise InvalidJob(json_path(value, error.path, path), error.reason) from None


def read_document(body: str) -> dict[str, Any]:
    """Return the document in a message body. Raises `InvalidJob`."""
    reader = _Reader()
    document = reader.read(body)
    if body.count("{") + body.count("[") > MAX_DEPTH and _is_too_deep(document):
        _refuse_depth()
    if reader.has_invalid_values or _has_lone_surrogate(body, document):
        refuse_invalid_values(document)
    refuse_wrapped(document)
    if not isinstance(document, dict):
        refuse("$", f"must be an object, not {validation.json_type(document)}")
    return document


def read_field(body: str, name: str) -> object:
    """Return a field of a document that may be invalid otherwise; None if it cannot be read."""
    try:
        document = _Reader().read(body)
    except InvalidJob:
        return None
    return document.get(name) if isinstance(document, dict) else None


class _DuplicateKey(msgspec.Struct, frozen=True, kw_only=True):
    """Takes the place of an object with a duplicate key until its path is known."""

    key: str
    position: int


class _Reader:
    """Reads JSON once, and sets `has_invalid_values` if a value in it must be refused."""

    def __init__(self) -> None:
        self.has_invalid_values = False

    def read(self, body: str) -> object:
        try:
            return json.loads(
                body,
                object_pairs_hook=self._object,
                parse_float=self._number,
                parse_constant=self._number,
            )
        except RecursionError:
            _refuse_depth()
        except json.JSONDecodeError as error:
            refuse_encoded(body)
            refuse("$", f"is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}")
        except ValueError:
            # the interpreter's own limit: https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
            refuse("$", "has a number with more than 4300 digits; write it as a string")

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any] | _DuplicateKey:
        fields = dict(pairs)
        if len(fields) == len(pairs):
            return fields
        self.has_invalid_values = True
        seen: set[str] = set()
        for position, (name, _) in enumerate(pairs, 1):
            if name in seen:
                return _DuplicateKey(key=name, position=position)
            seen.add(name)
        return fields

    def _number(self, text: str) -> float:
        number = float(text)
        self.has_invalid_values = self.has_invalid_values or not math.isfinite(number)
        return number


def _refuse_depth() -> NoReturn:
    refuse("$", f"is nested too deeply; a document has at most {MAX_DEPTH} levels")


def _has_lone_surrogate(body: str, document: object) -> bool:
    if body.isascii() and "\\ud" not in body and "\\uD" not in body:
        return False
    try:
        json.dumps(document, ensure_ascii=False, default=lambda duplicate: duplicate.key).encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_too_deep(document: object) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def refuse_invalid_values(document: object) -> NoReturn:
    """Raise `InvalidJob` for the first value that JSON allows but a job does not."""
    for value, path in walk(document):
        if isinstance(value, str) and (half := _lone_surrogate(value)):
            refuse(path, f"has half of a surrogate pair (\\u{ord(half):04x}), which is not a character")
        if isinstance(value, float) and not math.isfinite(value):
            refuse(path, "is not a finite number; write it as a string")
        if isinstance(value, _DuplicateKey):
            refuse(entry_path(path, value.key, value.position), "is a duplicate key; keep one")
    refuse("$", "has a character that UTF-8 cannot encode")


def _lone_surrogate(text: str) -> str | None:
    return next((match[0] for match in re.finditer("[\ud800-\udfff]", text)), None)
