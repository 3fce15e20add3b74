"""Splits a merge that is too large for one call into several jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailbus.addresses import address_key, format_mailbox
from mailbus.chunks import chunked
from mailbus.jobs.error_list import ErrorList
from mailbus.jobs.merge import RECIPIENT_FIELDS, by_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from mailbus.events import Mailbox
    from mailbus.jobs.job import Job

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html
PART_RECIPIENTS: Final = 50


def split(document: Mapping[str, Any], job: Job) -> tuple[dict[str, Any], ...]:
    """Return the parts of a merge: documents of at most 50 recipients, in the order of its `to`.

    `document` is the one that `job` was parsed from. Each part has the job's id, and only its own recipients'
    entries in the fields that are keyed by recipient. The same document always has the same parts; a job that
    is not a merge, or that fits into one call, is its only part.
    """
    if job.merge is None:
        return ({**document, "job_id": job.job_id},)
    mailboxes = [recipient.mailbox for recipient in job.merge.recipients]
    keys = [address_key(mailbox.address) for mailbox in mailboxes]
    entries = {name: _entries(document[name], keys, name) for name in RECIPIENT_FIELDS if document.get(name)}
    return tuple(
        {
            **document,
            "job_id": job.job_id,
            "to": [format_mailbox(mailbox) for mailbox in part],
            **_slices(entries, part),
        }
        for part in chunked(mailboxes, PART_RECIPIENTS)
    )


def _entries(field: Mapping[str, Any], keys: list[str], name: str) -> dict[str, Any]:
    errors = ErrorList()
    found = by_address(field, keys, f"$.{name}", own=field, errors=errors)
    errors.raise_all()
    return {key: value for key, (value, _) in found.items()}


def _slices(entries: Mapping[str, Mapping[str, Any]], mailboxes: Sequence[Mailbox]) -> dict[str, Any]:
    keyed = [(address_key(mailbox.address), mailbox.address) for mailbox in mailboxes]
    return {
        name: {address: by_key[key] for key, address in keyed if key in by_key}
        for name, by_key in entries.items()
    }
