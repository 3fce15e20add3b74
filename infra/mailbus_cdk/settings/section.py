"""A section of the settings: a struct that is checked when it is created, as a file is when it is read.

Retention(raw_day=90)  # ConfigurationError: Retention: raw_day: is unknown; did you mean 'raw_days'?
"""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, Final, Self, TypeGuard, TypeVar

import msgspec

from mailbus.errors import ConfigurationError
from mailbus.validation import ValidationError, validate
from mailbus_cdk.settings import access_keys
from mailbus_cdk.settings.values import UNRESOLVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.validation import Path

T = TypeVar("T")

# Longer values are cut in errors.
SHOWN_CHARACTERS: Final = 61
# Python's names of JSON's types, in the reasons of `validate`.
_IN_PYTHON: Final = {
    "an object": "a dict",
    "an integer": "an int",
    "a number": "a float",
    "a string": "a str",
    "a boolean": "a bool",
}


class _Checked(msgspec.StructMeta):
    """Checks a section's keywords; msgspec itself checks only what it decodes or converts."""

    def __call__(cls: type[T], *arguments: Any, **keywords: Any) -> T:  # noqa: ANN401, N805 - of a metaclass
        section = typing.cast("type[Section]", cls)
        try:
            _refuse_arguments(arguments, section)
            return typing.cast("T", section.checked(keywords))
        except ValidationError as error:
            reason = f"{cls.__name__}: {_place(error.path)}{_in_python(error, cls)}{shown_value(error)}"
            raise ConfigurationError(reason) from None


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, metaclass=_Checked):
    """A section of the settings. A wrong keyword is a `ConfigurationError` that names it."""

    @classmethod
    def checked(cls, values: Mapping[str, object]) -> Self:
        """Return the section with these values, plain or sections. Raises `ValidationError`."""
        access_keys.refuse(values)
        return validate(values, cls)


def shown_value(error: ValidationError) -> str:
    """Return the wrong value for an error. That of an unknown key is left out: it may be a secret."""
    if error.value is None or error.reason.startswith("is unknown"):
        return ""
    shown = repr(error.value)
    return f" (it is {shown if len(shown) <= SHOWN_CHARACTERS else f'{shown[:SHOWN_CHARACTERS]}…'})"


def _refuse_arguments(arguments: tuple[object, ...], section: type[Section]) -> None:
    if arguments:
        raise ValidationError((), f"takes keywords only, such as {section.__struct_fields__[0]}=…")


def _place(path: Path) -> str:
    """Return where a value is among keywords, such as `inbound.rules[0].name`."""
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"{place.removeprefix('.')}: " if path else ""


def _in_python(error: ValidationError, kind: type) -> str:
    """Return the reason in Python's words; advice in those of a settings file is left out."""
    reason, value = error.reason, error.value
    if isinstance(value, str) and UNRESOLVED in value:
        return "is a token of the CDK, whose value is not known at synth; write the value itself"
    expected, isnt, _ = reason.partition(", not ")
    if not isnt or not expected.startswith("must be "):
        return reason
    found = type(value).__name__
    if expected == "must be an object" and (section := _section_at(kind, error.path)):
        return f"must be {section}(…), not {found}"
    if expected == "must be an array":
        written = f"({value!r},)" if isinstance(value, str) else "(…,)"
        return f"must be a tuple, not {found}; write {error.path[-1]}={written}"
    for name, in_python in _IN_PYTHON.items():
        expected = expected.replace(name, in_python)
    return f"{expected}, not {found}"


def _section_at(kind: Any, path: Path) -> str | None:  # noqa: ANN401 - any type a field may have
    """Return the name of the section that belongs at a path; None if none does."""
    for step in path:
        if isinstance(step, int):
            kind = typing.get_args(typing.get_args(kind)[0] if _is_annotated(kind) else kind)[0]
        elif _is_section(kind):
            kind = {field.name: field.type for field in msgspec.structs.fields(kind)}[step]
        else:
            return None
    return kind.__name__ if _is_section(kind) else None


def _is_section(kind: object) -> TypeGuard[type[Section]]:
    return isinstance(kind, type) and issubclass(kind, Section)


def _is_annotated(kind: object) -> bool:
    return typing.get_origin(kind) is typing.Annotated
