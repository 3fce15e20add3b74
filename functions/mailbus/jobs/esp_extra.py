"""Checks the parameters that a job adds to the SES call (`esp_extra`).

Parameters that SES does not know are left to SES's own check: its API grows faster than a table here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.events import ENTRY_TAG, JOB_ID_TAG
from mailbus.jobs.json_paths import entry_path, refuse, refuse_feature
from mailbus.jobs.strict_json import validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

ALWAYS_REFUSED: Final[dict[str, str]] = {
    "Content": "is set from the job: use subject, text, html, alternatives, attachments and headers",
    "DefaultContent": "is set from the job: use template_id, or subject, text and html",
    "Destination": "is set from the job: use to, cc and bcc",
    "BulkEmailEntries": "is set from the job: use to and the merge fields",
    "FromEmailAddress": "has its own field: use from_email",
    "ReplyToAddresses": "has its own field: use reply_to",
}
# SendBulkEmail and SendEmail name the tags differently
TAG_PARAMETERS: Final[dict[bool, str]] = {True: "DefaultEmailTags", False: "EmailTags"}
RESERVED_TAGS: Final = frozenset({JOB_ID_TAG, ENTRY_TAG})
# As SES answers: https://github.com/localstack/localstack/pull/8639 (snapshots). Names that begin with "ses:"
# are SES's own: https://docs.aws.amazon.com/ses/latest/dg/monitor-using-event-publishing.html
_TAG_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}|ses:.*")
_TAG_VALUE: Final = re.compile(r"[A-Za-z0-9_.@-]{1,255}")


class MessageTag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="pascal"):
    """An SES message tag."""

    name: str
    value: str


def check_esp_extra(extra: Mapping[str, Any], path: str, *, merge: bool) -> None:
    """Refuse parameters that would override the job's own fields. Raises `InvalidJob`."""
    for position, name in enumerate(extra, 1):
        at = entry_path(path, name, position)
        if name in ALWAYS_REFUSED:
            refuse(at, ALWAYS_REFUSED[name])
        if name == TAG_PARAMETERS[not merge]:
            kind = "a merge" if merge else "an ordinary job"
            refuse(at, f"is not a parameter of {kind}: use {TAG_PARAMETERS[merge]}")
        if merge and name == "ListManagementOptions":
            reason = "SES has no list management in a merge; send one job for each recipient"
            refuse_feature(at, name, reason)
    if TAG_PARAMETERS[merge] in extra:
        _check_tags(extra[TAG_PARAMETERS[merge]], f"{path}.{TAG_PARAMETERS[merge]}")


def without_other_call(extra: Mapping[str, Any], *, merge: bool) -> dict[str, Any]:
    """Return a deployment's defaults without the parameters that only the other kind of job can have."""
    other = {TAG_PARAMETERS[not merge]} | ({"ListManagementOptions"} if merge else set())
    return {name: value for name, value in extra.items() if name not in other}


def _check_tags(value: object, path: str) -> None:
    for index, tag in enumerate(validate(value, tuple[MessageTag, ...], path)):
        if tag.name in RESERVED_TAGS:
            refuse(f"{path}[{index}].Name", f"{tag.name} is reserved for Mailbus; remove the tag")
        if not _TAG_NAME.fullmatch(tag.name):
            reason = "must be 1 to 255 characters of A-Z a-z 0-9 _ -, or SES refuses the mail"
            refuse(f"{path}[{index}].Name", reason)
        if not _TAG_VALUE.fullmatch(tag.value):
            reason = "must be 1 to 255 characters of A-Z a-z 0-9 _ - . @, or SES refuses the mail"
            refuse(f"{path}[{index}].Value", reason)
