"""Values of a Django message as plain ones of a job: Django's may be lazy, safe or without a time zone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any, Final

import msgspec
from django.utils.functional import Promise
from django.utils.timezone import is_naive, make_aware

from mailbus.errors import InvalidJob

_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")


def as_list(value: object, path: str = "$") -> list[object]:
    """Return a list, tuple or other iterable as a list; a string is not one. Raises `InvalidJob`."""
    if isinstance(value, str | bytes | Promise | Mapping) or not isinstance(value, Iterable):
        raise InvalidJob(path, f"must be a list, not {type(value).__name__}")
    return list(value)


def as_mapping(value: object, path: str = "$") -> Mapping[Any, object]:
    """Return a mapping. Raises `InvalidJob` for anything else."""
    if not isinstance(value, Mapping):
        raise InvalidJob(path, f"must be a dict, not {type(value).__name__}")
    return value


def as_text(value: object, path: str) -> str | None:
    """Return a text as a plain string, None if it is missing. Raises `InvalidJob`."""
    if value is None or value is msgspec.UNSET:
        return None
    if not isinstance(value, str | Promise):
        raise InvalidJob(path, f"must be a string, not {type(value).__name__}")
    return plain_str(value)


def plain_str(value: object) -> str:
    """Return any value as a plain str, which Django's lazy and safe strings are not."""
    return str.__str__(str(value))


def unfolded(value: object) -> str:
    """Return the value of a header of Python's email package on one line; any other line break stays."""
    return _FOLD.sub("", plain_str(value)).strip(" \t")


def as_texts(value: object, path: str) -> list[str | None] | None:
    """Return a list of texts, None if it is missing or empty. Raises `InvalidJob`."""
    if value is None:
        return None
    items = [as_text(item, f"{path}[{index}]") for index, item in enumerate(as_list(value, path))]
    return items or None


def plain_value(value: object) -> object:
    """Return a value with plain strings in place of lazy ones, at any depth."""
    if isinstance(value, str | Promise):
        return plain_str(value)
    if isinstance(value, Mapping):
        return {plain_value(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    return value


def as_time(value: object) -> object:
    """Return a time as Anymail reads it: without a zone in Django's current one, a date at midnight."""
    if value is msgspec.UNSET:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime) and is_naive(value):
        value = make_aware(value)
    return value
