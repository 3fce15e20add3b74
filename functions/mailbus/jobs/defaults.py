"""A deployment's defaults for the fields of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

# the fields that belong to one job alone
NO_DEFAULTS: Final = frozenset({"job_id", "schema_version", "content_ref"})


def without_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the fields that are null: null means that the field is absent."""
    return {name: value for name, value in document.items() if value is not None}


def with_defaults(document: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a document: its own values win, objects are merged one level deep.

    Header names ignore case here as everywhere.
    """
    merged = {name: value for name, value in without_nulls(defaults).items() if name not in NO_DEFAULTS}
    for name, value in document.items():
        default = merged.get(name)
        if isinstance(default, dict) and isinstance(value, dict):
            kept = _without_headers(default, value) if name == "headers" else default
            merged[name] = {**kept, **value}
        else:
            merged[name] = value
    return merged


def _without_headers(default: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    names = {name.lower() for name in own}
    return {name: value for name, value in default.items() if name.lower() not in names}
