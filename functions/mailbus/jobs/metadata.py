"""A job's metadata and tags: what comes back on every event has to fit into one."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import msgspec

from mailbus.addresses import require_one_line
from mailbus.jobs.strict_json import child, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from mailbus.events import MetadataValue

# both stand in every event, which EventBridge takes up to 256 KB
MAX_METADATA_BYTES: Final = 64 * 1024
MAX_TAGS_BYTES: Final = 64 * 1024
# the ledger keeps the metadata of the 50 recipients of a call in one item of at most 400 KB
MAX_RECIPIENT_METADATA_BYTES: Final = 4 * 1024

_MESSAGE_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


def check_metadata(metadata: Mapping[str, MetadataValue], path: str, *, most: int) -> None:
    """Refuse numbers that JSON readers do not agree on, and metadata of more than `most` bytes of JSON."""
    for place, (name, value) in enumerate(metadata.items(), 1):
        if isinstance(value, float) and not math.isfinite(value):
            refuse(child(path, name, place), "is not a finite number; write it as a string")
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            refuse(child(path, name, place), "is a number over 64 bits; write it as a string")
    if len(msgspec.json.encode(metadata)) > most:
        refuse(path, f"is over {most} bytes of JSON; keep a reference to it instead")


def check_tags(tags: tuple[str, ...], path: str, *, message_tag_name: str | None) -> None:
    """Refuse tags that no header can carry; with `message_tag_name` the one tag has to be SES's too."""
    for index, tag in enumerate(tags):
        if not require_one_line(tag, f"{path}[{index}]").strip():
            refuse(f"{path}[{index}]", "is an empty tag; leave it out")
    if len(msgspec.json.encode(tags)) > MAX_TAGS_BYTES:
        refuse(path, f"are over {MAX_TAGS_BYTES} bytes of JSON; use fewer or shorter ones")
    if message_tag_name is None or not tags:
        return
    if len(tags) > 1:
        refuse(path, f"has {len(tags)} tags; message_tag_name is set, so that SES takes exactly one")
    if not _MESSAGE_TAG.fullmatch(tags[0]):
        refuse(f"{path}[0]", "has to be 1 to 256 of A-Z a-z 0-9 _ -, since message_tag_name is set")
