"""What a job may add to the SES call, and what its own fields are for.

Names that SES does not know are left to SES's own check: the API grows faster than this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.events import ENTRY_TAG, JOB_ID_TAG
from mailbus.jobs.strict_json import child, refuse, refuse_feature
from mailbus.validation import typed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_ALWAYS_REFUSED: Final[dict[str, str]] = {
    "Content": "is made from the job: use subject, text, html, alternatives, attachments and headers",
    "DefaultContent": "is made from the job: use template_id, or subject, text and html",
    "Destination": "is made from the job: use to, cc and bcc",
    "BulkEmailEntries": "is made from the job: use to and the merge fields",
    "FromEmailAddress": "has a field of its own: use from_email",
    "ReplyToAddresses": "has a field of its own: use reply_to",
}
# SendBulkEmail and SendEmail name the tags differently
_TAGS: Final[dict[bool, str]] = {True: "DefaultEmailTags", False: "EmailTags"}
_OWN_TAGS: Final = frozenset({JOB_ID_TAG, ENTRY_TAG})


class MessageTag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="pascal"):
    """An SES message tag."""

    name: str
    value: str


def check_esp_extra(extra: Mapping[str, Any], path: str, *, merge: bool) -> None:
    """Refuse what would undo the job's own fields. Raises `InvalidJob`."""
    for place, name in enumerate(extra, 1):
        at = child(path, name, place)
        if name in _ALWAYS_REFUSED:
            refuse(at, _ALWAYS_REFUSED[name])
        if name == _TAGS[not merge]:
            kind = "a merge" if merge else "an ordinary job"
            refuse(at, f"is not a parameter of {kind}: use {_TAGS[merge]}")
        if merge and name == "ListManagementOptions":
            reason = "SES has no list management in a merge: send one job for each recipient"
            refuse_feature(at, name, reason)
    if _TAGS[merge] in extra:
        _check_tags(extra[_TAGS[merge]], f"{path}.{_TAGS[merge]}")


def without_other_call(extra: Mapping[str, Any], *, merge: bool) -> dict[str, Any]:
    """Leave out of a deployment's defaults what only the other kind of job can carry."""
    other = {_TAGS[not merge]} | ({"ListManagementOptions"} if merge else set())
    return {name: value for name, value in extra.items() if name not in other}


def _check_tags(value: object, path: str) -> None:
    for index, tag in enumerate(typed(value, tuple[MessageTag, ...], path)):
        if tag.name in _OWN_TAGS:
            refuse(f"{path}[{index}].Name", f"{tag.name} is how mailbus knows its jobs again; leave it out")
