"""Checks the headers of an attachment, which say something about the file, such as its language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.jobs.header_fields import write_field
from mailbus.jobs.headers import check_header_name, header_line
from mailbus.jobs.json_paths import entry_path, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

_USE_FIELD: Final = "has its own field: use {}"
_SET: Final = "is set by the sender; remove it"
REFUSED: Final[dict[str, str]] = {
    "content-type": _USE_FIELD.format("content_type"),
    "content-disposition": _USE_FIELD.format("disposition and filename"),
    "content-id": _USE_FIELD.format("content_id"),
    "content-transfer-encoding": _SET,
    "content-length": _SET,
    "content-md5": _SET,
    "mime-version": _SET,
}
DESCRIPTION: Final = "content-description"
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Attachment.html
MAX_DESCRIPTION: Final = 1000


def read_part_headers(headers: Mapping[str, str], path: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of a part in 7 bits, as they are sent. Raises `InvalidJob`."""
    read: dict[str, tuple[str, str]] = {}
    for position, (name, text) in enumerate(headers.items(), 1):
        at = entry_path(path, name, position)
        lower = name.lower()
        if lower in REFUSED:
            refuse(at, REFUSED[lower])
        check_header_name(name, at)
        if lower in read:
            refuse(at, "is a duplicate header (names ignore case); keep one")
        read[lower] = (name, write_field(name, header_line(text, at).strip(" \t"), at))
    return tuple(read.values())


def check_template_part_headers(headers: Iterable[tuple[str, str]], path: str) -> None:
    """Raise `InvalidJob` for a header that SES's templates do not have. `headers` are in 7 bits."""
    for position, (name, value) in enumerate(headers, 1):
        at = entry_path(path, name, position)
        if name.lower() != DESCRIPTION:
            refuse(at, "cannot be sent in a merge, where SES has only Content-Description; remove it")
        if not 0 < len(value) <= MAX_DESCRIPTION:
            refuse(at, f"must have 1 to {MAX_DESCRIPTION} characters in a merge, encoded as they are sent")
