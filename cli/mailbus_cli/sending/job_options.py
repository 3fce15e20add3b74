"""The fields of a job that options set."""

from __future__ import annotations

import base64
import mimetypes
from typing import TYPE_CHECKING, Any

from mailbus_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NUMBER = "0123456789"


def attachment(path: Path) -> dict[str, str]:
    """Return a file as an attachment of a job."""
    kind, encoding = mimetypes.guess_type(path.name)
    return {
        "filename": path.name,
        "content_type": kind if kind and not encoding else "application/octet-stream",
        "content": base64.b64encode(path.read_bytes()).decode(),
    }


def pairs(values: Sequence[str], option: str, separator: str = "=") -> dict[str, str]:
    """Return what is written as `name=value`. Raises `UsageError`."""
    split = [value.partition(separator) for value in values]
    for value, (name, found, _) in zip(values, split, strict=True):
        if not found or not name.strip():
            reason = f"{option} {value!r} has no {separator}"
            raise UsageError(
                reason, hint=f"`{option} 'name{separator}{' ' if separator == ':' else ''}value'`"
            )
    return {name.strip(): value.strip() if separator == ":" else value for name, _, value in split}


def moment(text: str) -> str | int:
    """Return a time as a job has it: RFC 3339, or epoch seconds."""
    return int(text) if text and not text.strip(_NUMBER) else text


def fields(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - as JSON
    """Return the fields that are set."""
    return {name: value for name, value in values.items() if value is not None and value not in ([], {})}
