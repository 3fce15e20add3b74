"""`SEND_DEFAULTS`: a message's attributes, combined with those of Django's settings."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.django.values import as_list, as_mapping
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from django.core.mail import EmailMessage


def check_defaults(defaults: Mapping[str, object], setting: str) -> None:
    """Raise `ConfigurationError` with the setting's name if it has an attribute without a default."""
    for name in defaults:
        if name not in COMBINERS:
            known = ", ".join(COMBINERS)
            reason = f"{setting}: {name!r} has no default; attributes that can have one are {known}"
            raise ConfigurationError(reason)


def own_attribute(message: EmailMessage, name: str) -> object:
    """Return a message's attribute; `msgspec.UNSET`, which is not None, if it is not set."""
    value = getattr(message, name, msgspec.UNSET)
    # AnymailMessage has every attribute; the value of one that is not set is a class
    if isinstance(value, type) and value.__name__ == "UNSET":
        return msgspec.UNSET
    return value


def combined(combine: Callable[[Any, Any], object], default: object, own: object) -> object:
    """Return a default combined with a message's own value. None in the message removes the default."""
    if own is None or (own is msgspec.UNSET and default is None):
        return None
    if own is msgspec.UNSET:
        return default
    return own if default is None else combine(default, own)


def _own_value(_default: object, own: object) -> object:
    return own


def _concatenated(default: object, own: object) -> object:
    return [*as_list(default), *as_list(own)]


def _shallow(default: object, own: object) -> object:
    return {**as_mapping(default), **as_mapping(own)}


def _one_level(default: object, own: object) -> object:
    first, second = as_mapping(default), as_mapping(own)
    return {
        key: {**as_mapping(first.get(key, {})), **as_mapping(second.get(key, {}))}
        for key in (*first, *second)
    }


def _deep(default: object, own: object) -> object:
    merged: dict[Any, object] = {**as_mapping(copy.deepcopy(default))}
    for key, value in as_mapping(own).items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _deep(merged[key], value) if both else value
    return merged


COMBINERS: Final[dict[str, Callable[[Any, Any], object]]] = {
    "to": _concatenated,
    "cc": _concatenated,
    "bcc": _concatenated,
    "reply_to": _concatenated,
    "extra_headers": _shallow,
    "alternatives": _concatenated,
    "attachments": _concatenated,
    "envelope_sender": _own_value,
    "metadata": _shallow,
    "send_at": _own_value,
    "tags": _concatenated,
    "track_opens": _own_value,
    "track_clicks": _own_value,
    "template_id": _own_value,
    "merge_data": _one_level,
    "merge_metadata": _one_level,
    "merge_headers": _one_level,
    "merge_global_data": _shallow,
    "esp_extra": _deep,
}
