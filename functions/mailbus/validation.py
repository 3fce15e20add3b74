"""Converts plain values (JSON, TOML) to typed ones, with errors that say what to fix.

msgspec names neither the key of an object's entry nor the field that was meant. A value that it refuses is
examined here again, level by level, down to the first part that is wrong.

A field's `msgspec.Meta` may carry advice for errors in `extra`:

- `reason`: the text of the error where the value has the right JSON type but a wrong content;
- `hint`: added where the value has the wrong JSON type;
- `also_called`: names that other libraries give to the field, in lower case;
- `contains`: names, in lower case, that belong inside the field, by the names they have there.
"""

from __future__ import annotations

import types
import typing
from datetime import date, datetime, time
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from mailbus.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Final

T = TypeVar("T")

# the keys of objects and the indexes of arrays that lead to a value
Path = tuple[str | int, ...]

# the part of an unknown name that is compared with the known ones
COMPARED_CHARACTERS: Final = 80
_NAME_SIMILARITY: Final = 0.5
_LITERAL_SIMILARITY: Final = 0.6
_JSON_TYPES: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (type(None), "null"),
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a number"),
    (str, "a string"),
    ((list, tuple), "an array"),
    # TOML has these, JSON does not
    ((date, time), "a date or time"),
)
_EXPECTED: Final[dict[object, str]] = {
    str: "a string",
    bytes: "a string in base64",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    datetime: "a time",
    tuple: "an array",
    dict: "an object",
}
# the Python types of plain values that can become a type
_PLAIN: Final[dict[object, tuple[type, ...]]] = {
    str: (str,),
    bytes: (str,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
    datetime: (str, datetime),
    tuple: (list, tuple),
    dict: (dict,),
}
_FORMATS: Final[dict[object, str]] = {
    bytes: "must be base64 in the standard alphabet, with padding, without line breaks",
    datetime: "must be a time in RFC 3339 with its offset, such as 2030-01-31T09:00:00+01:00, or in "
    "epoch seconds",
}

_BOUNDS: Final = {"ge": "at least {}", "gt": "greater than {}", "le": "at most {}", "lt": "less than {}"}
_LENGTHS: Final = {"min_length": "at least {}", "max_length": "at most {}"}


class ValidationError(Exception):
    """A value does not have its type: the part at `path` is wrong for `reason`. `value` is that part.

    The reason never quotes the value.
    """

    def __init__(self, path: Path, reason: str, value: object = None) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason
        self.value = value


def validate(value: object, kind: type[T]) -> T:
    """Convert a plain value to its type. Raises `ValidationError` for the first part of it that is wrong."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeEncodeError):
        raise _first_error(value, kind, (), kind) from None


def json_type(value: object) -> str:
    """Return the name of a value's JSON type, with its article."""
    return next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "an object")


class _Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """One type of a union, without its annotations; `metas` are those that hold for it."""

    kind: Any
    metas: tuple[msgspec.Meta, ...] = ()

    @property
    def shape(self) -> Any:  # noqa: ANN401 - a type, or what `typing` has in place of one
        """The key of the tables above."""
        if typing.get_origin(self.kind) is Literal:
            return type(typing.get_args(self.kind)[0])
        return dict if _is_struct(self.kind) else typing.get_origin(self.kind) or self.kind

    def takes_type_of(self, value: object) -> bool:
        """Return whether the value's JSON type is right; its content is not checked."""
        plain = _PLAIN.get(self.shape, ())
        return isinstance(value, plain) and (bool in plain or not isinstance(value, bool))


def _first_error(value: object, kind: object, path: Path, root: object) -> ValidationError:
    alternatives = _alternatives(kind)
    for one in alternatives:
        if isinstance(value, dict) and _is_struct(one.kind):
            error = _wrong_names(value, one.kind, path, root)
            if error is not None:
                return error
    for key, part, inner in _parts(value, alternatives):
        if not _is_valid(part, inner):
            return _first_error(part, inner, (*path, key), root)
    return ValidationError(path, _reason(value, alternatives), value)


def _is_valid(value: object, kind: Any) -> bool:  # noqa: ANN401 - any type a field may have
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return False
    return True


def _alternatives(kind: object, metas: tuple[msgspec.Meta, ...] = ()) -> tuple[_Alternative, ...]:
    """Return the types of a union, without null; of any other type, that type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return tuple(
            one for part in arguments if part is not type(None) for one in _alternatives(part, metas)
        )
    if origin is Annotated:
        own = tuple(meta for meta in arguments[1:] if isinstance(meta, msgspec.Meta))
        return _alternatives(arguments[0], (*metas, *own))
    return (_Alternative(kind=kind, metas=metas),)


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


def _is_struct(kind: object) -> typing.TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _parts(value: object, alternatives: tuple[_Alternative, ...]) -> Iterator[tuple[str | int, object, Any]]:
    """Yield the parts of an object or array: the key, the value and the type that it must have."""
    for one in alternatives:
        arguments = typing.get_args(one.kind)
        if isinstance(value, dict) and _is_struct(one.kind):
            fields = _fields(one.kind)
            yield from ((name, item, fields[name].type) for name, item in value.items())
        elif isinstance(value, dict) and one.shape is dict and arguments:
            yield from ((name, item, arguments[1]) for name, item in value.items())
        elif isinstance(value, list | tuple) and one.shape is tuple:
            yield from ((index, item, arguments[0]) for index, item in enumerate(value))


# --- names of fields


def _wrong_names(
    value: Mapping[str, object], struct: type[msgspec.Struct], path: Path, root: object
) -> ValidationError | None:
    fields = _fields(struct)
    for name, item in value.items():
        if name not in fields:
            return ValidationError((*path, name), f"is unknown; {_suggestion(name, struct, root)}", item)
    for name, field in fields.items():
        if field.required and name not in value:
            return ValidationError((*path, name), "is missing")
    return None


def suggestion(name: str, struct: type[msgspec.Struct]) -> str:
    """Return which field of a struct, or of a struct in it, an unknown name may mean."""
    return _suggestion(name, struct, struct)


def _suggestion(name: str, struct: type[msgspec.Struct], root: object) -> str:
    fields = _fields(struct)
    if meant := [*_also_called(name.lower(), fields)]:
        return f"use {' or '.join(meant)}"
    if places := [*_places(name, root, ())]:
        return f"it belongs at {' or '.join(places)}"
    near = nearest(name[:COMPARED_CHARACTERS], fields, cutoff=_NAME_SIMILARITY)
    return f"did you mean {near!r}?" if near else f"valid names are {', '.join(fields)}"


def _also_called(name: str, fields: Mapping[str, msgspec.structs.FieldInfo]) -> Iterator[str]:
    """Yield the fields that other libraries call `name`, with their hints."""
    for field_name, field in fields.items():
        for one in _alternatives(field.type):
            called = [*_advice(one, "also_called")]
            inside = [*_advice(one, "contains")]
            if any(name in names for names in called):
                yield "; ".join([field_name, *_advice(one, "hint")])
                break
            if found := next((names[name] for names in inside if name in names), None):
                yield f"{field_name}.{found}"
                break


def _places(name: str, kind: object, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the other places in the whole type that have a field of that name."""
    for one in _alternatives(kind):
        if _is_struct(one.kind):
            for field_name, field in _fields(one.kind).items():
                if field_name == name:
                    yield ".".join((*path, name))
                yield from _places(name, field.type, (*path, field_name))
        elif one.shape is tuple:
            yield from _places(name, typing.get_args(one.kind)[0], path)


def _advice(one: _Alternative, name: str) -> Iterator[Any]:
    yield from (meta.extra[name] for meta in one.metas if meta.extra and name in meta.extra)


# --- values


def _reason(value: object, alternatives: tuple[_Alternative, ...]) -> str:
    for one in alternatives:
        if one.takes_type_of(value):
            return _content_reason(value, one)
    shapes = [one.shape for one in alternatives]
    # JSON has one type of number
    expected = [_EXPECTED[shape] for shape in shapes if not (shape is int and float in shapes)]
    reason = f"must be {' or '.join(expected)}, not {json_type(value)}"
    hints = dict.fromkeys(hint for one in alternatives for hint in _advice(one, "hint"))
    return "; ".join([reason, *hints])


def _content_reason(value: object, one: _Alternative) -> str:
    """Return why a value of the right JSON type is wrong."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return "has half of a surrogate pair, which is not a character"
    if typing.get_origin(one.kind) is Literal:
        return _literal_reason(value, typing.get_args(one.kind))
    reason: str | None = next(_advice(one, "reason"), None)
    return reason or _FORMATS.get(one.kind) or _limits(one)


def _literal_reason(value: object, allowed: tuple[Any, ...]) -> str:
    if len(allowed) == 1:
        return f"must be {allowed[0]}"
    reason = f"must be one of {', '.join(map(str, allowed))}"
    if isinstance(value, int):
        return f"{reason}; the nearest is {min(allowed, key=lambda one: abs(one - value))}"
    by_lower_case = {str(one).lower(): one for one in allowed}
    near = nearest(str(value)[:COMPARED_CHARACTERS].lower(), by_lower_case, cutoff=_LITERAL_SIMILARITY)
    return f"{reason}; did you mean {by_lower_case[near]!r}?" if near else reason


def _limits(one: _Alternative) -> str:
    """Return what a value must be by the limits in its `msgspec.Meta`."""
    limits = {
        name: limit
        for meta in one.metas
        for name in (*_BOUNDS, *_LENGTHS, "pattern")
        if (limit := getattr(meta, name)) is not None
    }
    bounds = [text.format(limits[name]) for name, text in _BOUNDS.items() if name in limits]
    lengths = [text.format(limits[name]) for name, text in _LENGTHS.items() if name in limits]
    if bounds:
        return f"must be {' and '.join(bounds)}"
    if lengths:
        return f"must have {' and '.join(lengths)} {'characters' if one.shape is str else 'entries'}"
    return f"must match {limits['pattern']}" if "pattern" in limits else f"must be {_EXPECTED[one.shape]}"
