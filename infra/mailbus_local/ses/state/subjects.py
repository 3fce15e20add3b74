"""Subjects of accepted messages: for lists, and for those who look for a mail by it."""

from __future__ import annotations

import email.policy
import re
from typing import Final

import msgspec

# with the lines that it is folded into
_SUBJECT: Final = re.compile(rb"^subject:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_END: Final = re.compile(rb"\r?\n\r?\n")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A message's subject, with its job (None if no tag names one) and its recipients."""

    message_id: str
    job_id: str | None
    recipients: tuple[str, ...]
    subject: str


class Subjects(msgspec.Struct, frozen=True, kw_only=True):
    """Subjects, newest first."""

    subjects: tuple[Subject, ...]


def subject_of(raw: bytes) -> str:
    """Return the decoded subject of a message; empty if it has none."""
    end = _END.search(raw)
    found = _SUBJECT.search(raw, 0, end.start() if end else len(raw))
    if found is None:
        return ""
    text = _FOLD.sub("", found[1].decode("utf-8", "replace")).strip()
    if "=?" not in text:
        return text
    return str(email.policy.default.header_factory("Subject", text))
