"""Parses and checks a merge: one message for each recipient, sent by SES's template API.

Whatever one recipient's values make impossible is an error of the whole job: all recipients are checked
before the first message is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from mailbus.addresses import address_key, parse_mailbox
from mailbus.errors import InvalidJob
from mailbus.jobs.error_list import ErrorList
from mailbus.jobs.headers import read_recipient_headers
from mailbus.jobs.inline_template import read_inline_template
from mailbus.jobs.job import Merge, MergeRecipient
from mailbus.jobs.json_paths import entry_path, refuse, refuse_feature
from mailbus.jobs.merge_data import EntryData
from mailbus.jobs.metadata import MAX_RECIPIENT_METADATA_BYTES, check_metadata
from mailbus.jobs.template_headers import check_header_count, check_headers_of_all, check_template_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

    from mailbus.events import Mailbox, MetadataValue
    from mailbus.jobs.contract import SendJob
    from mailbus.jobs.headers import Headers
    from mailbus.jobs.inline_template import InlineTemplate
    from mailbus.jobs.job import Job

V = TypeVar("V")
# by field, and by address key: the recipient's value and its path
RecipientEntries = Mapping[str, Mapping[str, tuple[Any, str]]]

# keyed by recipient
RECIPIENT_FIELDS: Final = ("merge_data", "merge_metadata", "merge_headers")
_MAKE_A_MERGE: Final = ("template_id", "merge_global_data", *RECIPIENT_FIELDS)


def is_merge_document(document: Mapping[str, Any]) -> bool:
    """Return whether each recipient gets a separate message; an empty merge field means that too."""
    return any(document.get(name) is not None for name in _MAKE_A_MERGE)


def by_address(
    entries: Mapping[str, V] | None,
    known: Iterable[str],
    path: str,
    *,
    own: Mapping[str, Any],
    errors: ErrorList,
) -> dict[str, tuple[V, str]]:
    """Return the entries of a field that is keyed by recipient, with their paths, by address key.

    `known` are the keys of the recipients. An entry for another address is an error in the job's own field
    `own`; in a deployment's defaults it is for other jobs. The job's own entry wins, whatever the spelling of
    the address. What is wrong is added to `errors`.
    """
    recipients = set(known)
    found: dict[str, tuple[V, str]] = {}
    claimed: set[str] = set()
    for position, (name, value) in enumerate((entries or {}).items(), 1):
        at = f"{path}[entry {position}]"
        try:
            key = _recipient_key(name, recipients, at)
        except InvalidJob as error:
            errors.add(error)
            continue
        if name not in own:
            found.setdefault(key, (value, at))
        elif key not in recipients:
            reason = "is for an address that is not in to; add it there, or remove the entry"
            errors.add(InvalidJob(at, reason))
        elif key in claimed:
            reason = "is for an address that has two entries in this field; remove one"
            errors.add(InvalidJob(at, reason))
        else:
            claimed.add(key)
            found[key] = (value, at)
    return found


def _recipient_key(name: str, recipients: set[str], path: str) -> str:
    if "@" not in name:
        refuse(path, "has no @: the field is keyed by recipient address, with an object for each")
    key = address_key(name)
    return key if key in recipients else address_key(parse_mailbox(name, path).address)


def recipient_entries(
    written: SendJob, to: Sequence[Mailbox], own: Mapping[str, Any], errors: ErrorList
) -> RecipientEntries:
    """Return the entries of all fields that are keyed by recipient; see `by_address`.

    `to` has the valid recipients, `own` is the document without the defaults.
    """
    keys = {address_key(mailbox.address) for mailbox in to}
    # an entry for nobody may be for a recipient whose address is wrong
    complete = len(to) == (1 if isinstance(written.to, str) else len(written.to or ()))
    return {
        name: by_address(
            getattr(written, name),
            keys,
            f"$.{name}",
            own=(own.get(name) or {}) if complete else {},
            errors=errors,
        )
        for name in RECIPIENT_FIELDS
    }


def read_merge(
    written: SendJob, subject: str, to: Iterable[Mailbox], headers: Headers, entries: RecipientEntries
) -> Merge:
    """Return the merge of a job. Raises `InvalidJob` for all recipients whose values SES would refuse."""
    template = _inline_template(written, subject)
    data = EntryData(written.merge_global_data or {}, template)
    mailboxes: dict[str, Mailbox] = {}
    for mailbox in to:
        mailboxes.setdefault(address_key(mailbox.address), mailbox)
    _check_headers_of_job(headers, entries, len(mailboxes))
    fixed = len(written.tags or ()) + (headers.sender is not None)
    check_header_count(fixed + len(headers.extra) + bool(written.metadata), "$.headers")
    errors = ErrorList()
    recipients: list[MergeRecipient] = []
    for key, mailbox in mailboxes.items():
        shared = MergeRecipient(
            mailbox=mailbox, global_data=data.of_all, metadata=written.metadata or {}, headers=headers.extra
        )
        try:
            recipients.append(_recipient(shared, key, entries, data, fixed))
        except InvalidJob as error:
            errors.add(error)
    errors.raise_all()
    return Merge(recipients=tuple(recipients), template_id=written.template_id, inline=template)


def _inline_template(written: SendJob, subject: str) -> InlineTemplate | None:
    """Return the template that is part of the job; None if it is a stored one."""
    if written.template_id is None:
        return read_inline_template(subject, written.text, written.html)
    if not written.template_id.strip():
        refuse(
            "$.template_id", "must be the name of a template; remove it to use the job's own text as template"
        )
    return None


def _recipient(
    shared: MergeRecipient, key: str, entries: RecipientEntries, data: EntryData, fixed_headers: int
) -> MergeRecipient:
    """Return one recipient: what all have in common, overridden by its own entries."""
    own_data, own_metadata, own_headers = [entries[name].get(key) for name in RECIPIENT_FIELDS]
    recipient = MergeRecipient(
        mailbox=shared.mailbox,
        data=shared.data if own_data is None else data.of(*own_data),
        global_data=shared.global_data,
        metadata=shared.metadata if own_metadata is None else _metadata(shared.metadata, *own_metadata),
        headers=shared.headers if own_headers is None else _headers(shared.headers, *own_headers),
    )
    own = own_headers or own_metadata
    if own is not None:
        check_header_count(fixed_headers + len(recipient.headers) + bool(recipient.metadata), own[1])
    return recipient


def check_merge(job: Job, merge: Merge) -> None:
    """Refuse what SES cannot do in a merge. Raises `UnsupportedFeature` with its name, or `InvalidJob`."""
    if not merge.recipients:
        reason = "has no recipients; in a merge each message goes to one address in to"
        refuse_feature("$.to", "to", reason)
    for path, feature, applies, reason in (
        ("$.headers.To", "headers.To", bool(job.shown_to), "SES's templates show the recipient"),
        ("$.from_email", "from_email", len(job.from_email) > 1, "SES's template API accepts one address"),
    ):
        if applies:
            refuse_feature(path, feature, f"is not possible in a merge: {reason}")
    if merge.template_id is not None:
        _check_stored(job)
    check_headers_of_all(job)


def _check_stored(job: Job) -> None:
    for name, value in (("subject", job.subject or None), ("text", job.text), ("html", job.html)):
        if value is not None:
            reason = "is defined by the stored template: remove it, or remove template_id to use this one"
            refuse_feature(f"$.{name}", name, reason)


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
    headers = (*(header for header in whole if header[0].lower() not in read), *read.values())
    # Behind List-Unsubscribe, which each recipient has of its own, as AWS recommends:
    # https://aws.amazon.com/blogs/messaging-and-targeting/using-one-click-unsubscribe-with-amazon-ses/
    return tuple(sorted(headers, key=lambda header: header[0].lower() == "list-unsubscribe-post"))


def _check_headers_of_job(headers: Headers, entries: RecipientEntries, recipients: int) -> None:
    """Refuse headers of the job that SES does not accept, unless each recipient has one of its own."""
    own = [{name.lower() for name in names} for names, _ in entries["merge_headers"].values()]
    for name, value in headers.extra:
        if len(own) < recipients or any(name.lower() not in names for names in own):
            check_template_header(name, value, entry_path("$.headers", name, 0))
