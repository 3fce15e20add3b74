"""What somebody who looks for mail has typed: an address, a domain, a job, a message, a tag."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from mailbus.jobs.job_id import is_job_id
from mailbus_cli.errors import UsageError
from mailbus_cli.printable import printable

Kind = Literal["address", "domain", "job", "message", "tag"]

TAG: Final = "tag:"
# SES's message ids, such as 0100019a1b2c3d4e-01234567-89ab-cdef-0123-456789abcdef-000000
_MESSAGE: Final = re.compile(
    r"[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[0-9]{6}", re.ASCII
)
# the Message-ID header that SES writes: <id@eu-west-1.amazonses.com>, of us-east-1 <id@email.amazonses.com>
# https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
_MESSAGE_HEADER: Final = re.compile(r"<?([^<>@\s]+)@[a-z0-9-]+\.amazonses\.com>?", re.ASCII)
# as it is copied from a page or the end of a sentence
_COPIED: Final = re.compile(r"(?:mailto:)?([^?]+?)(?:\?.*)?[.,;:]*", re.IGNORECASE | re.DOTALL)
_NAMED: Final = re.compile(r".*<([^<>]*@[^<>]*)>[\s.,;:]*", re.DOTALL)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; `value` is the address, `@example.com`, the id or the tag alone."""

    kind: Kind
    value: str

    def __str__(self) -> str:
        of = {"job": "job ", "message": "message ", "tag": "tag "}
        return f"{of.get(self.kind, '')}{printable(self.value)}"


def query_of(text: str) -> Query:
    """Return what a text looks for. Raises `UsageError` if it can be nothing of these."""
    text = text.strip()
    if text.startswith(TAG):
        return _checked("tag", text.removeprefix(TAG).strip(), text)
    header = _MESSAGE_HEADER.fullmatch(text)
    if header and _MESSAGE.fullmatch(header[1]):
        return Query(kind="message", value=header[1])
    if "@" in text:
        named = _NAMED.fullmatch(text)
        copied = _COPIED.fullmatch((named[1] if named else text).strip())
        address = copied[1] if copied else ""
        local, _, domain = address.rpartition("@")
        return _checked("address" if local else "domain", address if domain else "", text)
    if _MESSAGE.fullmatch(text):
        return Query(kind="message", value=text)
    return _checked("job", text if is_job_id(text) else "", text)


def _checked(kind: Kind, value: str, text: str) -> Query:
    if not value:
        shown = printable(text)
        reason = f"{shown!r} is no address, job or message" if shown else "nothing to look for was given"
        raise UsageError(
            reason, hint="an address, `@example.com`, the id of a job or message, or `tag:receipt`"
        )
    return Query(kind=kind, value=value)
