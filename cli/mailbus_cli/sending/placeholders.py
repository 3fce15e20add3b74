"""Fills the placeholders of a job with the columns of a row: `{{name}}`, and in HTML escaped."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLACEHOLDER: Final = re.compile(r"\{\{\{\s*(?P<raw>[^{}]+?)\s*\}\}\}|\{\{\s*(?P<name>[^{}]+?)\s*\}\}")
_HTML: Final = frozenset({"html"})


class UnknownColumnError(Exception):
    """A placeholder names no column."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self.name = name
        self.path = path


def filled(
    value: Any,  # noqa: ANN401 - JSON
    columns: Mapping[str, str],
    *,
    path: str = "$",
    escape: Callable[[str], str] = str,
) -> Any:  # noqa: ANN401 - as above
    """Return a JSON value with each placeholder replaced by its column. Raises `UnknownColumnError`."""
    if isinstance(value, str):
        return _filled_text(value, columns, path, escape)
    if isinstance(value, list):
        return [filled(each, columns, path=f"{path}[{i}]", escape=escape) for i, each in enumerate(value)]
    if isinstance(value, dict):
        return {
            name: filled(
                each,
                columns,
                path=f"{path}.{name}",
                escape=html.escape if path == "$" and name in _HTML else escape,
            )
            for name, each in value.items()
        }
    return value


def names(value: Any) -> set[str]:  # noqa: ANN401 - as above
    """Return the names of all placeholders in a JSON value."""
    if isinstance(value, str):
        return {found["raw"] or found["name"] for found in _PLACEHOLDER.finditer(value)}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for part in parts for name in names(part)}


def _filled_text(text: str, columns: Mapping[str, str], path: str, escape: Callable[[str], str]) -> str:
    if "{{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        name = found["raw"] or found["name"]
        if name not in columns:
            raise UnknownColumnError(name, path)
        return columns[name] if found["raw"] else escape(columns[name])

    return _PLACEHOLDER.sub(value, text)
