"""Parses and checks a merge: one message for each recipient, sent by SES's template API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from mailbus.addresses import address_key, parse_mailbox
from mailbus.jobs.headers import read_recipient_headers
from mailbus.jobs.job import Merge, MergeRecipient
from mailbus.jobs.json_paths import refuse, refuse_feature
from mailbus.jobs.metadata import MAX_RECIPIENT_METADATA_BYTES, check_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

    from mailbus.events import Mailbox, MetadataValue
    from mailbus.jobs.contract import SendJob
    from mailbus.jobs.headers import Headers
    from mailbus.jobs.job import Job

V = TypeVar("V")

# keyed by recipient
RECIPIENT_FIELDS: Final = ("merge_data", "merge_metadata", "merge_headers")
_MAKE_A_MERGE: Final = ("template_id", "merge_global_data", *RECIPIENT_FIELDS)
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Template.html
MAX_TEMPLATE_HEADERS: Final = 15
MAX_TEMPLATE_DATA: Final = 262_144
MAX_INLINE_TEMPLATE_BYTES: Final = 1_000_000
# "Amazon SES supports only simple substitutions when [...] you provide the full template content in the
# request" (same page); the rest it refuses with "Template contains unsupported operations":
# https://github.com/aws/aws-sdk-js-v3/issues/6657
_OPERATION: Final = re.compile(r"\{\{~?\s*([#/>^&]|else(?=[\s~}])|[^{}\s.!]*\.)")
_DOTTED: Final = "a value within a value, {{a.b}}"
_OPERATIONS: Final[dict[str, str]] = {
    "#": "a block, {{#",
    "/": "a block's end, {{/",
    ">": "a partial, {{>",
    "^": "an inverted block, {{^",
    "&": "an unescaped value, {{&",
    "else": "a block's {{else}}",
}


def is_merge_document(document: Mapping[str, Any]) -> bool:
    """Return whether each recipient gets a separate message; an empty merge field means that too."""
    return any(document.get(name) is not None for name in _MAKE_A_MERGE)


def by_address(
    entries: Mapping[str, V] | None, known: Iterable[str], path: str, *, own: Mapping[str, Any]
) -> dict[str, tuple[V, str]]:
    """Return the entries of a field that is keyed by recipient, with their paths, by address key.

    `known` are the keys of the recipients. An entry for another address is an error in the job's own field
    `own`; in a deployment's defaults it is for other jobs. The job's own entry wins, whatever the spelling of
    the address.
    """
    recipients = set(known)
    found: dict[str, tuple[V, str]] = {}
    claimed: set[str] = set()
    for position, (name, value) in enumerate((entries or {}).items(), 1):
        at = f"{path}[entry {position}]"
        key = address_key(name)
        if "@" not in name:
            refuse(at, "has no @: the field is keyed by recipient address, with an object for each")
        if key not in recipients:
            key = address_key(parse_mailbox(name, at).address)
        if name not in own:
            found.setdefault(key, (value, at))
        elif key not in recipients:
            refuse(at, "is for an address that is not in to; add it there, or remove the entry")
        elif key in claimed:
            refuse(at, "is for an address that has two entries in this field; remove one")
        else:
            claimed.add(key)
            found[key] = (value, at)
    return found


def read_merge(written: SendJob, to: tuple[Mailbox, ...], headers: Headers, own: Mapping[str, Any]) -> Merge:
    """Return the merge of a job. `own` is the document without the defaults. Raises `InvalidJob`."""
    mailboxes: dict[str, Mailbox] = {}
    for mailbox in to:
        mailboxes.setdefault(address_key(mailbox.address), mailbox)
    data = by_address(written.merge_data, mailboxes, "$.merge_data", own=own.get("merge_data") or {})
    metadata = by_address(
        written.merge_metadata, mailboxes, "$.merge_metadata", own=own.get("merge_metadata") or {}
    )
    extra = by_address(
        written.merge_headers, mailboxes, "$.merge_headers", own=own.get("merge_headers") or {}
    )
    if written.template_id is not None and not written.template_id.strip():
        refuse(
            "$.template_id", "must be the name of a template; remove it to use the job's own text as template"
        )
    global_data = written.merge_global_data or {}
    global_size = _check_size(global_data, 0, "$.merge_global_data")
    whole_metadata = written.metadata or {}
    recipients: list[MergeRecipient] = []
    for key, mailbox in mailboxes.items():
        recipients.append(
            MergeRecipient(
                mailbox=mailbox,
                data=_data(global_data, global_size, *data[key]) if key in data else global_data,
                metadata=_metadata(whole_metadata, *metadata[key]) if key in metadata else whole_metadata,
                headers=_headers(headers.extra, *extra[key]) if key in extra else headers.extra,
            )
        )
    return Merge(recipients=tuple(recipients), template_id=written.template_id, global_data=global_data)


def check_merge(job: Job, merge: Merge) -> None:
    """Refuse what SES cannot do in a merge. Raises `UnsupportedFeature` with its name, or `InvalidJob`."""
    for path, feature, applies, reason in (
        ("$.to", "to", not merge.recipients, "each message goes to one address in to"),
        ("$.alternatives", "alternatives", bool(job.alternatives), "SES's templates have text and html only"),
        ("$.headers.To", "headers.To", bool(job.shown_to), "SES's templates show the recipient"),
        ("$.from_email", "from_email", len(job.from_email) > 1, "SES's template API accepts one address"),
    ):
        if applies:
            refuse_feature(path, feature, f"is not possible in a merge: {reason}")
    if merge.template_id is None:
        _check_inline(job)
    else:
        _check_stored(job)
    _check_header_count(job, merge)


def _check_stored(job: Job) -> None:
    for name, value in (("subject", job.subject or None), ("text", job.text), ("html", job.html)):
        if value is not None:
            reason = "is defined by the stored template: remove it, or remove template_id to use this one"
            refuse_feature(f"$.{name}", name, reason)


def _check_inline(job: Job) -> None:
    if job.text is None and job.html is None:
        refuse("$.text", "has no content; set template_id, text or html")
    size = sum(len(part.encode()) for part in (job.subject, job.text or "", job.html or ""))
    if size > MAX_INLINE_TEMPLATE_BYTES:
        reason = f"has {size} bytes with html and subject; SES allows {MAX_INLINE_TEMPLATE_BYTES}"
        refuse("$.text", reason)
    for name, part in (("subject", job.subject), ("text", job.text), ("html", job.html)):
        _check_substitutions(part or "", name)


def _check_substitutions(template: str, name: str) -> None:
    found = _OPERATION.search(template)
    if found is not None:
        feature = _OPERATIONS.get(found[1], _DOTTED)
        reason = (
            f"has {feature}; SES supports only simple substitutions such as {{{{name}}}} in a template that "
            "is part of the job; use a stored template (template_id) instead"
        )
        refuse_feature(f"$.{name}", feature, reason)


def _check_header_count(job: Job, merge: Merge) -> None:
    of_job = len(job.tags) + (job.sender is not None)
    for position, recipient in enumerate(merge.recipients, 1):
        count = of_job + len(recipient.headers) + bool(recipient.metadata)
        if count > MAX_TEMPLATE_HEADERS:
            reason = (
                f"has {count} headers for recipient {position}; SES allows {MAX_TEMPLATE_HEADERS} in a "
                "merge: one for each of headers and merge_headers, one for each tag, and one for the metadata"
            )
            refuse_feature("$.headers", "headers", reason)


def _data(whole: dict[str, Any], whole_size: int, own: dict[str, Any], path: str) -> dict[str, Any]:
    merged = {**whole, **own}
    if _check_size(own, 0, path) + whole_size > MAX_TEMPLATE_DATA:
        _check_size(merged, 0, path)
    return merged


def _check_size(data: dict[str, Any], more: int, path: str) -> int:
    size = len(msgspec.json.encode(data).decode()) + more
    if size > MAX_TEMPLATE_DATA:
        refuse(path, f"has {size} characters as JSON with the global data; SES allows {MAX_TEMPLATE_DATA}")
    return size


def _metadata(
    whole: dict[str, MetadataValue], own: dict[str, MetadataValue], path: str
) -> dict[str, MetadataValue]:
    merged = {**whole, **own}
    check_metadata(merged, path, most=MAX_RECIPIENT_METADATA_BYTES)
    return merged


def _headers(
    whole: tuple[tuple[str, str], ...], own: dict[str, str], path: str
) -> tuple[tuple[str, str], ...]:
    read = read_recipient_headers(own, path)
    return (*(header for header in whole if header[0].lower() not in read), *read.values())
