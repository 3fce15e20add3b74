"""What to know before a mail is answered: whether a machine sent it, to what label, what of it is a quote."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

import msgspec
import quotequail  # type: ignore[import-untyped]  # it is annotated, but says so by no py.typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inbound import fields

# Of 64 KiB a reply is seldom more; the bounds of lines keep the library, which compares each line with those
# behind it, below half a second on what is made to be slow.
TEXT_BYTES: Final = 64 * 1024
LINES: Final = 500
LINE_CHARACTERS: Final = 160

# quotequail joins so many lines to find one that tells who wrote
_INTRODUCTION_LINES: Final = 2
_QUOTE: Final = ">"
# RFC 3676, 4.3
_SIGNATURE: Final = "-- "
# how mailers begin the line above what is no quote but passed on, in the languages that quotequail knows
_FORWARDED: Final = re.compile(
    r"forward|weitergeleitet|réexpédié|transféré|reenviado|encaminhad|doorgestuurd|vidarebefordra|пересылаем",
    re.IGNORECASE,
)
# what they write before the subject of an answer
_ANSWER: Final = re.compile(r"\s*(?:re|aw|antw|sv|res)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)

# Signs of a mail that a machine sent, and of one that asks machines not to answer. RFC 3834, 2 and 5.2, names
# the first two, "Precedence" and the empty return path; RFC 5230, 4.6, all of the list's; Exchange's is
# https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcmail/; reports on delivery and on
# reading are multipart/report (RFC 6522); the last three are of autoresponders older than RFC 3834.
_ANYTHING: Final = re.compile(r"\S")
_UNLESS_DENIED: Final = re.compile(r"\A\s*(?!(?:no|false)\s*(?:[;(]|\Z))\S", re.IGNORECASE)
_SIGNS: Final[Mapping[str, re.Pattern[str]]] = {
    "auto-submitted": _UNLESS_DENIED,
    "precedence": re.compile(r"\A\s*(?:bulk|list|junk|auto_reply)\b", re.IGNORECASE),
    "return-path": re.compile(r"\A\s*<\s*>"),
    "content-type": re.compile(r"\A\s*multipart/report\b", re.IGNORECASE),
    "x-auto-response-suppress": re.compile(r"\b(?:all|autoreply|oof)\b", re.IGNORECASE),
    "list-archive": _ANYTHING,
    "list-help": _ANYTHING,
    "list-id": _ANYTHING,
    "list-owner": _ANYTHING,
    "list-post": _ANYTHING,
    "list-subscribe": _ANYTHING,
    "list-unsubscribe": _ANYTHING,
    "x-autoreply": _UNLESS_DENIED,
    "x-autorespond": _UNLESS_DENIED,
    "x-autoresponder": _UNLESS_DENIED,
}
_NOBODY: Final = re.compile(r"(?:<\s*>)?|<?mailer-daemon(?:@.*)?", re.IGNORECASE | re.DOTALL)


class _Below(msgspec.Struct, frozen=True, kw_only=True):
    """What stands under the text that may be somebody's own.

    `lines` without empty ones; `sender` is whom the library found to have written it, or empty; `is_answer`
    is what the mail's header says.
    """

    lines: tuple[str, ...]
    sender: str
    is_answer: bool


def is_automatic(header: fields.Header) -> bool:
    """Tell whether a mail's header has a sign of a machine, so that no machine may answer it."""
    return any(
        sign.search(field.value)
        for field in header.fields
        if (sign := _SIGNS.get(field.name.lower())) is not None
    )


def is_from_nobody(envelope_sender: str | None) -> bool:
    """Tell whether nobody wants an answer: the empty return path of bounces, or MAILER-DAEMON's.

    None, where it is not known, is no sign.
    """
    return envelope_sender is not None and _NOBODY.fullmatch(envelope_sender.strip()) is not None


def recipient_details(recipients: Iterable[str]) -> dict[str, str]:
    """Give what stands behind `+` in the local part of each address that has one (RFC 5233's detail)."""
    found: dict[str, str] = {}
    for recipient in recipients:
        _, plus, detail = recipient.rpartition("@")[0].strip('"').partition("+")
        if plus:
            found[recipient] = detail
    return found


def stripped(text: bytes, *, subject: str | None, is_threaded: bool) -> str | None:
    """Give a text (UTF-8) without the mail that it answers, and without its signature.

    `is_threaded`: it names a mail that it belongs to. None where that cannot be told for sure: the answer
    stands below or within the quote, nothing is left, it is forwarded, its mailer introduces quotes in a
    way that is not known, or the text is longer than a reply is.
    """
    if len(text) > TEXT_BYTES:
        return None
    lines = text.decode("utf-8", "replace").strip().split("\n")
    found: dict[str, str] | None = quotequail.unwrap(
        "\n".join(line[:LINE_CHARACTERS] for line in lines[:LINES])
    )
    is_answer = _ANSWER.match(subject or "") is not None
    if found is None:
        # An answer without a quote that is known may have one that is not.
        return None if is_threaded or is_answer or len(lines) > LINES else _own(lines)
    if "text_top" not in found:
        return None
    # The library's own lines are cut, and begin and end where these do.
    end = found["text_top"].count("\n") + 1
    below = _Below(
        lines=tuple(line for line in lines[end:] if line.strip()),
        sender=found.get("from", ""),
        is_answer=is_threaded and is_answer,
    )
    return _own(lines[:end]) if _IS_QUOTE[found["type"]](below) else None


def _own(lines: Sequence[str]) -> str | None:
    """Give what is left above the signature; None where that is nothing, or has a quote."""
    if any(line.startswith(_QUOTE) for line in lines):
        return None
    signature = max((number for number, line in enumerate(lines) if line == _SIGNATURE), default=len(lines))
    return "\n".join(lines[:signature]).strip() or None


def _is_marked(below: _Below) -> bool:
    """Tell whether all is marked as quoted, under the line that tells who wrote it."""
    marked = list(itertools.dropwhile(lambda line: not line.startswith(_QUOTE), below.lines))
    return (
        bool(marked)
        and len(below.lines) - len(marked) <= _INTRODUCTION_LINES
        and all(line.startswith(_QUOTE) for line in marked)
    )


def _is_under_headers(below: _Below) -> bool:
    """Tell whether it is Outlook's way of quoting, which is its way of forwarding too."""
    first = below.lines[: _INTRODUCTION_LINES + 1]
    return (
        below.is_answer
        and bool(below.sender)
        and any(below.sender in line for line in first)
        and _FORWARDED.search(first[0]) is None
    )


def _is_unsure(_below: _Below) -> bool:
    return False


# by what quotequail calls it
_IS_QUOTE: Final[Mapping[str, Callable[[_Below], bool]]] = {
    "reply": _is_marked,
    "forward": _is_under_headers,
    "quote": _is_unsure,
}
