"""What to know before a mail is answered: whether a machine sent it, to what label, what of it is a quote."""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Final

import msgspec
from mailparser_reply import EmailMessage  # type: ignore[import-untyped]  # annotated, but without a py.typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inbound import fields

# Of 64 KiB a reply is seldom more; the bounds of lines keep the library's patterns below half a
# second on what is made to be slow for them.
TEXT_BYTES: Final = 64 * 1024
LINES: Final = 300
LINE_CHARACTERS: Final = 140

# Of the library's languages: its Polish takes any line for a header that begins with "Do:" or "Data:".
LANGUAGES: Final = ("cs", "da", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "sv", "zh")

_HEADER_LINES: Final = 2
_QUOTE: Final = ">"
# RFC 3676, 4.3
_SIGNATURE: Final = "-- "
_QUESTIONS: Final = ("?", "\N{FULLWIDTH QUESTION MARK}")
_RULE: Final = re.compile(r"\s*[_-]{5,}(?:[^_-]{1,60}[_-]{5,})?\s*")
# a header as Outlook writes it above a quote: one or two words, bold in some
_FIELD: Final = re.compile(r"[>* ]*([^\W\d_]+(?: [^\W\d_]+)?) ?\*?:", re.MULTILINE)
# How mailers name the four that they all write there: From, Sent or Date, To, Subject. One language each.
_QUOTED_FIELDS: Final[tuple[tuple[frozenset[str], ...], ...]] = tuple(
    tuple(frozenset(names.split("|")) for names in language)
    for language in (
        ("from", "sent|date", "to", "subject"),
        ("od", "odesláno|datum", "komu", "předmět"),
        ("fra", "sendt|dato", "til", "emne"),
        ("von", "gesendet|datum", "an", "betreff"),
        ("de", "enviado|fecha", "para", "asunto"),
        ("de", "envoyé|date", "à", "objet"),
        ("da", "inviato|data", "a", "oggetto"),
        ("보낸 사람|보낸사람", "보낸 날짜|보낸날짜", "받는 사람|받는사람", "제목"),
        ("van", "verzonden|datum", "aan", "onderwerp"),
        ("från", "skickat|datum", "till", "ämne"),
        ("发件人", "发送时间", "收件人", "主题"),
    )
)
_ADDRESS: Final = re.compile(r"[^\s<>@,;:()\[\]\"']+@[^\s<>@,;:()\[\]\"']+")
# What people say above a quote that they wrote into. Too many of them only cost a null.
_ANSWERS_WITHIN: Final = re.compile(
    r"\b(?:below|beneath|in-?line|in line|between the lines|in the text|in your (?:mail|e-mail|email|text)"
    r"|in (?:red|blue|green|bold|caps|capitals|colou?r)"
    r"|unten|untenstehend\w*|darunter|nachfolgend|zwischen den zeilen|im text|in (?:rot|blau|grün|fett)"
    r"|ci-dessous|plus bas|dans le texte|en (?:rouge|bleu|vert|gras)"
    r"|abajo|a continuación|en el texto|en (?:rojo|azul|verde|negrita)"
    r"|sotto|di seguito|nel testo|in (?:rosso|blu|grassetto)"
    r"|hieronder|onderstaande?|in de tekst|in het (?:rood|blauw|groen)|in (?:rood|blauw)"
    r"|nedenfor|nedenunder|i teksten|med (?:rødt|blåt)|nedan\w*|i texten|i rött|med rött"
    r"|níže|v textu|červeně)\b"
    r"|下記|以下|文中|赤字|아래|본문|빨간|见下|如下|下面|文中|红色",
    re.IGNORECASE,
)
_ORIGINAL: Final = "original message"
# what mailers write above what is no quote but passed on: between dashes, or with a colon
_PASSED_ON: Final = (
    "forward|weitergeleitet|réexpédié|transféré|inoltrat|reenviado|encaminhad|doorgestuurd|vidarebefordra"
    "|videresend|přeposlan|転送|전달|转发"
)
_FORWARDED: Final = re.compile(rf"[>\s]*(?:--.*(?:{_PASSED_ON}).*|.*(?:{_PASSED_ON}).*:\s*)", re.IGNORECASE)
# what they write before the subject of an answer
_ANSWER: Final = re.compile(
    r"(?:\s*(?:re|aw|antw|sv|res|odp|r|回复|答复)(?:\s*\[\d+\])?\s*[:：])+",  # noqa: RUF001 - as it is written in Chinese
    re.IGNORECASE,
)

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


class _Split(msgspec.Struct, frozen=True, kw_only=True):
    """A text at the line that introduces a quote, with which `below` begins."""

    above: tuple[str, ...]
    introduction: str
    below: tuple[str, ...]


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


def stripped(
    text: bytes, *, subject: str | None, is_threaded: bool, addressed: Iterable[str] = ()
) -> str | None:
    """Give a text (UTF-8) without the mail that it answers, and without its signature.

    `is_threaded`: it names a mail that it belongs to; `addressed`: the addresses of its To and Cc, one of
    which wrote what an unmarked quote quotes. None where that cannot be told for sure: the answer stands
    below or within the quote, or says so, nothing is left, it is forwarded, its mailer introduces quotes in
    a way that is not known, or the text is longer than a reply is.
    """
    if len(text) > TEXT_BYTES:
        return None
    lines = text.decode("utf-8", "replace").strip().split("\n")
    is_answer = _ANSWER.match(subject or "") is not None
    split = _split(lines)
    if split is None:
        # An answer without a quote that is known may have one that is not.
        return None if is_threaded or is_answer or len(lines) > LINES else _own(lines)
    if _is_forwarded(split):
        return None
    if any(_ANSWERS_WITHIN.search(line) for line in split.above):
        return None
    # Outlook introduces by headers, and marks nothing; it forwards in the same way.
    if _has_headers(split):
        is_sure = is_threaded and is_answer and _is_answered(split.below, subject or "", addressed)
    else:
        is_sure = _is_marked(split)
    return _own(split.above) if is_sure else None


@functools.cache
def _introductions() -> re.Pattern[str]:
    """Give what finds the lines that introduce a quote, as mailers of many languages write them."""
    pattern: re.Pattern[str] = EmailMessage(text="", languages=list(LANGUAGES)).HEADER_REGEX
    return pattern


def _split(lines: Sequence[str]) -> _Split | None:
    """Find the first quote's introduction; the library looks at lines without space around them."""
    text = "\n".join(line.strip()[:LINE_CHARACTERS] for line in lines[:LINES])
    found = _introductions().search(text)
    if found is None:
        return None
    introduction = found[0].lstrip("\n")
    above = text.count("\n", 0, found.end() - len(introduction))
    return _Split(
        above=tuple(lines[:above]),
        introduction=introduction,
        below=tuple(lines[above:]),
    )


def _is_forwarded(split: _Split) -> bool:
    return any(_FORWARDED.fullmatch(line[:LINE_CHARACTERS]) for line in (*split.above, split.below[0]))


def _has_headers(split: _Split) -> bool:
    """Tell whether the quote is introduced by headers instead of a line that tells who wrote."""
    return _ORIGINAL in split.introduction.lower() or len(_FIELD.findall(split.introduction)) >= _HEADER_LINES


def _is_answered(below: Sequence[str], subject: str, addressed: Iterable[str]) -> bool:
    """Tell whether headers, in the text, are those of the mail that is answered.

    People put headers of other mails, or lines that look like some, into what they write. Those of the quote
    are whole, name somebody that the answer goes to and its subject, and have no marked quote below them.
    """
    found = _quoted_fields(below)
    if found is None or any(line.startswith(_QUOTE) for line in below):
        return False
    writer, topic = found
    writers = {_mailbox(address) for address in _ADDRESS.findall(writer)}
    return _topic(topic) == _topic(subject) and not writers.isdisjoint(map(_mailbox, addressed))


def _quoted_fields(below: Sequence[str]) -> tuple[str, str] | None:
    """Give From and Subject of the headers at the beginning; None where one is missing or there twice."""
    block = itertools.takewhile(str.strip, below[1:] if _RULE.fullmatch(below[0]) else below)
    values: dict[str, str] = {}
    for line in block:
        field = _FIELD.match(line)
        if field is None or field[1].casefold() in values:
            return None
        values[field[1].casefold()] = line[field.end() :].strip("* \t")
    for names in _QUOTED_FIELDS:
        found = [next((values[name] for name in each if name in values), None) for each in names]
        if all(found):
            return found[0] or "", found[-1] or ""
    return None


def _topic(subject: str) -> str:
    """Give a subject as it is the same in a whole thread."""
    return " ".join(_ANSWER.sub("", subject, count=1).split()).casefold()


def _mailbox(address: str) -> str:
    """Give an address without the label that an answer to it may have."""
    local, _, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _is_marked(split: _Split) -> bool:
    """Tell whether all below the line, or two, that tell who wrote it is marked as quoted."""
    below = [line for line in split.below if line.strip()]
    marked = list(itertools.dropwhile(lambda line: not line.startswith(_QUOTE), below))
    introduction = [line for line in split.introduction.split("\n") if line.strip()]
    return (
        bool(marked)
        and len(below) - len(marked) <= len(introduction)
        and all(line.startswith(_QUOTE) for line in marked)
    )


def _own(lines: Sequence[str]) -> str | None:
    """Give what is left above the signature; None where that is nothing, has a quote, or two signatures."""
    # two lines that begin a signature divide something else
    if any(line.startswith(_QUOTE) for line in lines) or lines.count(_SIGNATURE) > 1:
        return None
    own_lines = list(itertools.takewhile(lambda line: line != _SIGNATURE, lines))
    # nobody asks in a signature
    if any(line.rstrip().endswith(_QUESTIONS) for line in lines[len(own_lines) :]):
        return None
    own = "\n".join(own_lines).strip().split("\n")
    # what Outlook draws above the quote
    return "\n".join(own[:-1] if _RULE.fullmatch(own[-1]) else own).strip() or None
