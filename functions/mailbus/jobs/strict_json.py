"""Job documents as JSON: read strictly, completed by a deployment's defaults, told apart by a fingerprint.

What JSON lets pass but nobody can mean is refused here, at its path: keys that stand twice, halves of
surrogate pairs, numbers that are not finite, nesting without end.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from mailbus.errors import InvalidJob, UnsupportedFeature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Final

# a job has four levels; template data has its own
MAX_DEPTH: Final = 64
SHOWN_CHARACTERS: Final = 80
FINGERPRINT_CHARACTERS: Final = 32
# what is this job's alone
_NEVER_DEFAULT: Final = frozenset({"job_id", "schema_version", "content_ref"})


def refuse(path: str, reason: str) -> NoReturn:
    """Raise `InvalidJob`."""
    raise InvalidJob(path, reason)


def refuse_feature(path: str, feature: str, reason: str) -> NoReturn:
    """Raise `UnsupportedFeature`."""
    raise UnsupportedFeature(path, feature, reason)


def shown(name: str) -> str:
    """Write a name from a job in ASCII, cut to what a person reads."""
    return ascii(name[:SHOWN_CHARACTERS]) + ("…" if len(name) > SHOWN_CHARACTERS else "")


def child(path: str, name: str, place: int) -> str:
    """Give the path of an object's entry; `place` counts from 1.

    The entry of a recipient is told by its place alone: paths go into logs, and addresses do not.
    """
    if "@" in name:
        return f"{path}[entry {place}]"
    if re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name):
        return f"{path}.{name}"
    return f"{path}[{shown(name)}]"


def read_document(body: str) -> dict[str, Any]:
    """Read a job document's JSON. Raises `InvalidJob`."""
    loaded = _Loading()
    document = loaded.load(body)
    if body.count("{") + body.count("[") > MAX_DEPTH and _is_too_deep(document):
        _refuse_depth()
    if loaded.doubtful or _has_lone_surrogate(body, document):
        refuse_unspeakable(document)
    if not isinstance(document, dict):
        refuse("$", f"expected an object, got {kind_of(document)}")
    return document


def peek(body: str, name: str) -> object:
    """Find a field of a document that may be invalid otherwise; None where it cannot be told."""
    loaded = _Loading()
    try:
        document = loaded.load(body)
    except InvalidJob:
        return None
    return document.get(name) if isinstance(document, dict) else None


def given(document: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the fields out that are null: null means that the field is absent."""
    return {name: value for name, value in document.items() if value is not None}


def fingerprint(document: Mapping[str, Any]) -> str:
    """Hash what a document says, whatever the order of its keys; its `job_id` and null fields do not count.

    32 hexadecimal digits. Raises `InvalidJob` where a string has half of a surrogate pair.
    """
    said = {name: value for name, value in document.items() if value is not None and name != "job_id"}
    try:
        canonical = msgspec.json.encode(said, order="sorted")
    except UnicodeEncodeError:
        refuse_unspeakable(document)
    return hashlib.sha256(canonical).hexdigest()[:FINGERPRINT_CHARACTERS]


def with_defaults(document: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a document: its own values win, objects are merged one level deep.

    Header names ignore case here as everywhere.
    """
    merged = {
        name: value for name, value in defaults.items() if value is not None and name not in _NEVER_DEFAULT
    }
    for name, value in document.items():
        default = merged.get(name)
        if isinstance(default, dict) and isinstance(value, dict):
            kept = _without_headers(default, value) if name == "headers" else default
            merged[name] = {**kept, **value}
        else:
            merged[name] = value
    return merged


def kind_of(value: object) -> str:
    """Name the JSON type of a value, with its article."""
    kinds: tuple[tuple[type, str], ...] = (
        (type(None), "null"),
        (bool, "a boolean"),
        (int, "a number"),
        (float, "a number"),
        (str, "a string"),
        (list, "an array"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "an object")


class _Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """Stands for an object with a key twice, until its path is known."""

    key: str
    place: int


class _Loading:
    """One reading of JSON; `doubtful` tells that something in it has to be refused."""

    def __init__(self) -> None:
        self.doubtful = False

    def load(self, body: str) -> object:
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
            refuse("$", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
        except ValueError:
            # the interpreter's own bound on digits: https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
            refuse("$", "has a number with more than 4300 digits; write it as a string")

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
        fields = dict(pairs)
        if len(fields) == len(pairs):
            return fields
        self.doubtful = True
        seen: set[str] = set()
        for place, (name, _) in enumerate(pairs, 1):
            if name in seen:
                return _Repeated(key=name, place=place)
            seen.add(name)
        return fields

    def _number(self, text: str) -> float:
        number = float(text)
        self.doubtful = self.doubtful or not math.isfinite(number)
        return number


def _refuse_depth() -> NoReturn:
    refuse("$", f"is nested too deeply; a document has at most {MAX_DEPTH} levels")


def _has_lone_surrogate(body: str, document: object) -> bool:
    if body.isascii() and "\\ud" not in body and "\\uD" not in body:
        return False
    try:
        json.dumps(document, ensure_ascii=False, default=lambda repeated: repeated.key).encode()
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


def refuse_unspeakable(document: object) -> NoReturn:
    """Raise the `InvalidJob` of what JSON lets pass and nobody can mean: the document's first."""
    for value, path in walk(document):
        if isinstance(value, str) and (half := _lone_surrogate(value)):
            refuse(path, f"has half of a surrogate pair (\\u{ord(half):04x}), which is no character")
        if isinstance(value, float) and not math.isfinite(value):
            refuse(path, "is not a finite number; write it as a string")
        if isinstance(value, _Repeated):
            refuse(child(path, value.key, value.place), "stands twice in its object; keep one")
    refuse("$", "has a character that UTF-8 cannot encode")


def walk(document: object) -> Iterator[tuple[object, str]]:
    """Go through a document in order: each name and value, with its path."""
    waiting = [(document, "$")]
    while waiting:
        value, path = waiting.pop()
        yield value, path
        if isinstance(value, dict):
            entries: list[tuple[object, str]] = []
            for place, (name, item) in enumerate(value.items(), 1):
                at = child(path, name, place)
                entries += [(name, at), (item, at)]
            waiting.extend(reversed(entries))
        elif isinstance(value, list):
            waiting.extend((item, f"{path}[{index}]") for index, item in reversed([*enumerate(value)]))


def _lone_surrogate(text: str) -> str | None:
    return next((match[0] for match in re.finditer("[\ud800-\udfff]", text)), None)


def _without_headers(default: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    names = {name.lower() for name in own}
    return {name: value for name, value in default.items() if name.lower() not in names}
