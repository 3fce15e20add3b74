"""What a dead letter is of: its job and recipients, read from any body without failing."""

from __future__ import annotations

from email.utils import getaddresses
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.events.vocabulary import JOB_ID_TAG
from mailbus.jobs.job_id import is_job_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SHOWN: Final = 3


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """The job and the first recipients; `recipient_count` is how many there are."""

    job_id: str | None = None
    recipients: tuple[str, ...] = ()
    recipient_count: int = 0


def read_contents(queue: str, body: str) -> Contents:
    """Return what a body is of; nothing of one that cannot be read."""
    try:
        document = msgspec.json.decode(body.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return Contents()
    if not isinstance(document, dict):
        return Contents()
    job_id, recipients = _READERS.get(queue, _of_notification)(document)
    addresses = tuple(dict.fromkeys(recipients))
    return Contents(
        job_id=job_id if is_job_id(job_id) else None,
        recipients=addresses[:SHOWN],
        recipient_count=len(addresses),
    )


def _of_job(document: Mapping[str, Any]) -> tuple[object, list[str]]:
    written = [text for name in ("to", "cc", "bcc") for text in _texts(document.get(name))]
    return document.get("job_id"), [*_addresses(written)]


def _of_notification(document: Mapping[str, Any]) -> tuple[object, list[str]]:
    """Read SES's notification in SNS's envelope, or as it is."""
    inner = document.get("Message")
    if isinstance(inner, str):
        try:
            document = _mapping(msgspec.json.decode(inner.encode("utf-8", "replace")))
        except (msgspec.DecodeError, RecursionError):
            return None, []
    mail, receipt = _mapping(document.get("mail")), _mapping(document.get("receipt"))
    tags = _texts(_mapping(mail.get("tags")).get(JOB_ID_TAG))
    recipients = _texts(receipt.get("recipients")) or _texts(mail.get("destination"))
    return next(iter(tags), None), [*_addresses(recipients)]


def _of_event(document: Mapping[str, Any]) -> tuple[object, list[str]]:
    detail = _mapping(document.get("detail"))
    return detail.get("job_id"), [*_addresses(_texts(detail.get("recipient")))]


def _addresses(written: list[str]) -> Iterator[str]:
    for text in written:
        ((_, address), *_) = getaddresses([text]) or [("", "")]
        yield address if "@" in address else text.strip()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


_READERS: Final[dict[str, Callable[[Mapping[str, Any]], tuple[object, list[str]]]]] = {
    "send": _of_job,
    "timeline": _of_event,
}
