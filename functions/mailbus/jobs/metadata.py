"""Checks a job's metadata and tags, which come back on every event and must fit into one."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import msgspec

from mailbus.addresses import require_one_line
from mailbus.jobs.json_paths import entry_path, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from mailbus.events import MetadataValue

# both are in every event, and EventBridge accepts events of up to 256 KB
MAX_METADATA_BYTES: Final = 64 * 1024
MAX_TAGS_BYTES: Final = 64 * 1024
# the ledger keeps the metadata of the 50 recipients of a call in one item of at most 400 KB
MAX_RECIPIENT_METADATA_BYTES: Final = 4 * 1024

# one fewer than documented: https://github.com/localstack/localstack/pull/8639 (snapshots of real answers)
_MESSAGE_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


def check_metadata(metadata: Mapping[str, MetadataValue], path: str, *, most: int) -> None:
    """Refuse numbers that JSON parsers read differently, and metadata of more than `most` bytes as JSON."""
    for position, (name, value) in enumerate(metadata.items(), 1):
        if isinstance(value, float) and not math.isfinite(value):
            refuse(entry_path(path, name, position), "is not a finite number; write it as a string")
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            refuse(entry_path(path, name, position), "is a number of more than 64 bits; write it as a string")
    if len(msgspec.json.encode(metadata)) > most:
        refuse(path, f"has more than {most} bytes as JSON; store it elsewhere and use a reference")


def read_tags(tags: tuple[str, ...], path: str, *, message_tag_name: str | None) -> tuple[str, ...]:
    """Return tags without blanks around them, which no header keeps; with `message_tag_name` SES takes one.

    Raises `InvalidJob` for a tag that does not fit into a header.
    """
    read = tuple(require_one_line(tag, f"{path}[{index}]").strip() for index, tag in enumerate(tags))
    for index, tag in enumerate(read):
        if not tag:
            refuse(f"{path}[{index}]", "is an empty tag; remove it")
    if len(msgspec.json.encode(read)) > MAX_TAGS_BYTES:
        refuse(path, f"has more than {MAX_TAGS_BYTES} bytes as JSON; use fewer or shorter tags")
    if message_tag_name is None or not read:
        return read
    if len(read) > 1:
        refuse(path, f"has {len(read)} tags; only one is allowed, since message_tag_name is set")
    if not _MESSAGE_TAG.fullmatch(read[0]):
        refuse(f"{path}[0]", "must be 1 to 255 characters of A-Z a-z 0-9 _ -, since message_tag_name is set")
    return read
