"""Why a value does not have its type, with the path and what to write instead.

msgspec tells neither the key of an object's entry nor the name that was meant. What it refused is looked
through again here, level by level, until the smallest wrong part is found.
"""

from __future__ import annotations

import difflib
import types
import typing
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from mailbus.errors import InvalidJob
from mailbus.jobs.contract import Attachment, SendJob
from mailbus.jobs.strict_json import SHOWN_CHARACTERS, child, kind_of, refuse_unspeakable, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

T = TypeVar("T")

_NAMES: Final[dict[object, str]] = {
    str: "a string",
    bytes: "a string in base64",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    datetime: "a time",
    tuple: "an array",
    dict: "an object",
}
# how a string of the right JSON type can still be wrong
_UNREADABLE: Final[dict[object, str]] = {
    bytes: "is not base64: use the standard alphabet, with padding, without line breaks",
    datetime: "is no time: write RFC 3339 with its offset, like 2030-01-31T09:00:00+01:00, or epoch seconds",
}

# what other mail libraries call a field, where the nearest known name would mislead
_MEANT: Final[dict[object, dict[str, str]]] = {
    SendJob: {
        "body": "text or html",
        "content": "text or html",
        "message": "text or html",
        "body_html": "html",
        "html_body": "html",
        "body_text": "text",
        "text_body": "text",
        "sender": "from_email, or headers.Sender",
        "recipient": "to",
        "recipients": "to",
        "template_data": "merge_data, or merge_global_data",
        "configuration_set": "esp_extra.ConfigurationSetName",
        "configurationsetname": "esp_extra.ConfigurationSetName",
        "configuration_set_name": "esp_extra.ConfigurationSetName",
    },
    Attachment: {"data": "content", "name": "filename", "url": "s3 with bucket and key, or content"},
}


def typed(value: object, kind: type[T], path: str = "$") -> T:
    """Convert plain JSON to its type. Raises `InvalidJob` for the first part of it that is wrong."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise _mistake(value, kind, path) from None
    except UnicodeEncodeError:
        refuse_unspeakable(value)


def _mistake(value: object, kind: object, path: str) -> InvalidJob:
    for alternative in _alternatives(kind):
        wrong = _wrong_fields(value, alternative, path)
        if wrong is not None:
            return wrong
    for part, inner, at in _parts(value, kind, path):
        try:
            msgspec.convert(part, inner)
        except (msgspec.ValidationError, UnicodeEncodeError):
            return _mistake(part, inner, at)
    return InvalidJob(path, _reason(value, kind))


def _alternatives(kind: object) -> tuple[object, ...]:
    """Take a union apart, through the descriptions around it; null is left out."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return tuple(inner for part in arguments if part is not type(None) for inner in _alternatives(part))
    if origin is Annotated and typing.get_args(arguments[0]):
        return _alternatives(arguments[0])
    return (kind,)


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


def _is_struct(kind: object) -> typing.TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _wrong_fields(value: object, kind: object, path: str) -> InvalidJob | None:
    if not isinstance(value, dict) or not _is_struct(kind):
        return None
    known = _fields(kind)
    for place, name in enumerate(value, 1):
        if name not in known:
            hint = _hint(name, kind, known)
            return InvalidJob(child(path, name, place), f"unknown field {shown(name)}; {hint}")
    missing = [name for name, field in known.items() if field.required and name not in value]
    return InvalidJob(path, f"{' and '.join(missing)} is missing") if missing else None


def _hint(name: str, kind: object, known: Iterable[str]) -> str:
    meant = _MEANT.get(kind, {}).get(name.lower())
    if meant is not None:
        return f"use {meant}"
    near = difflib.get_close_matches(name[:SHOWN_CHARACTERS], known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _parts(value: object, kind: object, path: str) -> Iterator[tuple[object, Any, str]]:
    for alternative in _alternatives(kind):
        arguments = typing.get_args(alternative)
        if isinstance(value, dict) and _is_struct(alternative):
            fields = _fields(alternative)
            yield from ((value[name], fields[name].type, f"{path}.{name}") for name in value)
        elif isinstance(value, dict) and typing.get_origin(alternative) is dict:
            for place, (name, item) in enumerate(value.items(), 1):
                yield item, arguments[1], child(path, name, place)
        elif isinstance(value, list) and typing.get_origin(alternative) is tuple:
            for index, item in enumerate(value):
                yield item, arguments[0], f"{path}[{index}]"


def _reason(value: object, kind: object) -> str:
    if isinstance(value, str):
        for alternative in _alternatives(kind):
            reason = _string_reason(alternative)
            if reason is not None:
                return reason
    wanted = _alternatives(kind)
    # JSON has one kind of number
    names = [_name(one) for one in wanted if not (one is int and float in wanted)]
    expected = f"expected {' or '.join(names)}, got {kind_of(value)}"
    return "; ".join([expected, *_told(kind, "hint")])


def _string_reason(kind: object) -> str | None:
    if typing.get_origin(kind) is Literal:
        return f"expected {' or '.join(str(one) for one in typing.get_args(kind))}"
    if typing.get_origin(kind) is Annotated:
        return next(_told(kind, "reason"), _UNREADABLE.get(typing.get_args(kind)[0]))
    return _UNREADABLE.get(kind)


def _told(kind: object, name: str) -> Iterator[str]:
    """Give what the type itself says of mistakes: a `reason` in place of ours, or a `hint` beside it."""
    metas = typing.get_args(kind)[1:] if typing.get_origin(kind) is Annotated else ()
    for meta in metas:
        if isinstance(meta, msgspec.Meta) and meta.extra and name in meta.extra:
            yield meta.extra[name]


def _name(kind: object) -> str:
    if typing.get_origin(kind) is Annotated:
        return _name(typing.get_args(kind)[0])
    if typing.get_origin(kind) is Literal:
        return _NAMES[type(typing.get_args(kind)[0])]
    if _is_struct(kind):
        return _NAMES[dict]
    return _NAMES[typing.get_origin(kind) or kind]
