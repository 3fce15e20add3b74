"""Details of a mail that replies depend on: its recipients' labels, and its own text without its quote."""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Final

import msgspec
from mailparser_reply import EmailMessage  # type: ignore[import-untyped]  # annotated, but without a py.typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A reply seldom has more than 64 KiB. The limits of lines keep the library's patterns below half a second on
# text that is made to be slow.
TEXT_BYTES: Final = 64 * 1024
LINES: Final = 300
LINE_CHARACTERS: Final = 140

# The library's languages without Polish, which takes any line that begins with "Do:" or "Data:" for a header.
LANGUAGES: Final = ("cs", "da", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "sv", "zh")

_HEADER_LINES: Final = 2
_QUOTE: Final = ">"
# RFC 3676, 4.3
_SIGNATURE: Final = "-- "
_QUESTIONS: Final = ("?", "\N{FULLWIDTH QUESTION MARK}")
_RULE: Final = re.compile(r"\s*[_-]{5,}(?:[^_-]{1,60}[_-]{5,})?\s*")
# A header as Outlook writes it above a quote: one or two words, in some versions bold.
_FIELD: Final = re.compile(r"[>* ]*([^\W\d_]+(?: [^\W\d_]+)?) ?\*?:", re.MULTILINE)
# The names of the four headers that all mailers write there: From, Sent or Date, To, Subject, by language.
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
# What people write if their answers are within the quote. A false match only makes `stripped_text` null.
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
# What mailers write above a forwarded mail: between dashes, or with a colon.
_FORWARD_WORDS: Final = (
    "forward|weitergeleitet|réexpédié|transféré|inoltrat|reenviado|encaminhad|doorgestuurd|vidarebefordra"
    "|videresend|přeposlan|転送|전달|转发"
)
_FORWARDED: Final = re.compile(
    rf"[>\s]*(?:--.*(?:{_FORWARD_WORDS}).*|.*(?:{_FORWARD_WORDS}).*:\s*)", re.IGNORECASE
)
# What mailers write before the subject of an answer.
_ANSWER: Final = re.compile(
    r"(?:\s*(?:re|aw|antw|sv|res|odp|r|回复|答复)(?:\s*\[\d+\])?\s*[:：])+",  # noqa: RUF001 - the Chinese colon
    re.IGNORECASE,
)


class _Split(msgspec.Struct, frozen=True, kw_only=True):
    """A text split at the line that introduces a quote, with which `below` begins."""

    above: tuple[str, ...]
    introduction: str
    below: tuple[str, ...]


def recipient_details(recipients: Iterable[str]) -> dict[str, str]:
    """Return the text after `+` in the local part of each address that has one (RFC 5233's detail)."""
    found: dict[str, str] = {}
    for recipient in recipients:
        _, plus, detail = recipient.rpartition("@")[0].strip('"').partition("+")
        if plus:
            found[recipient] = detail
    return found


def stripped(
    text: bytes, *, subject: str | None, is_threaded: bool, addressed: Iterable[str] = ()
) -> str | None:
    """Return a text (UTF-8) without the mail that it quotes, and without its signature.

    `is_threaded` is true if the mail has In-Reply-To or References. `addressed` are the addresses of its To
    and Cc, one of which must be the author of an unmarked quote. Return None if the result is not certain:
    the answer is below or within the quote, or says so, nothing remains, the mail is forwarded, its mailer
    introduces quotes in an unknown way, or the text is longer than a reply.
    """
    if len(text) > TEXT_BYTES:
        return None
    lines = text.decode("utf-8", "replace").strip().split("\n")
    is_answer = _ANSWER.match(subject or "") is not None
    split = _split(lines)
    if split is None:
        # An answer without a known quote may have an unknown one.
        return None if is_threaded or is_answer or len(lines) > LINES else _own(lines)
    if _is_forwarded(split):
        return None
    if any(_ANSWERS_WITHIN.search(line) for line in split.above):
        return None
    # Outlook puts headers above a quote and does not mark its lines; it forwards in the same way.
    if _has_headers(split):
        is_sure = is_threaded and is_answer and _is_answered(split.below, subject or "", addressed)
    else:
        is_sure = _is_marked(split)
    return _own(split.above) if is_sure else None


@functools.cache
def _introductions() -> re.Pattern[str]:
    """Return the pattern of lines that introduce a quote, in many languages."""
    pattern: re.Pattern[str] = EmailMessage(text="", languages=list(LANGUAGES)).HEADER_REGEX
    return pattern


def _split(lines: Sequence[str]) -> _Split | None:
    """Split a text at the first quote; the library's pattern needs lines without surrounding space."""
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
    """Return True if headers introduce the quote, instead of a line with its author."""
    return _ORIGINAL in split.introduction.lower() or len(_FIELD.findall(split.introduction)) >= _HEADER_LINES


def _is_answered(below: Sequence[str], subject: str, addressed: Iterable[str]) -> bool:
    """Return True if headers in the text are those of the mail that is answered.

    People paste headers of other mails, or write lines that look like headers. Those of the quote are
    complete, have an address that the answer goes to and its subject, and no marked quote below them.
    """
    found = _quoted_fields(below)
    if found is None or any(line.startswith(_QUOTE) for line in below):
        return False
    writer, topic = found
    writers = {_mailbox(address) for address in _ADDRESS.findall(writer)}
    return _topic(topic) == _topic(subject) and not writers.isdisjoint(map(_mailbox, addressed))


def _quoted_fields(below: Sequence[str]) -> tuple[str, str] | None:
    """Return From and Subject of the headers at the beginning; None if one is missing or repeated."""
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
    """Return the part of a subject that is the same in a whole thread."""
    return " ".join(_ANSWER.sub("", subject, count=1).split()).casefold()


def _mailbox(address: str) -> str:
    """Return an address in lower case without its label."""
    local, _, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _is_marked(split: _Split) -> bool:
    """Return True if all lines below the introduction are marked as quoted."""
    below = [line for line in split.below if line.strip()]
    marked = list(itertools.dropwhile(lambda line: not line.startswith(_QUOTE), below))
    introduction = [line for line in split.introduction.split("\n") if line.strip()]
    return (
        bool(marked)
        and len(below) - len(marked) <= len(introduction)
        and all(line.startswith(_QUOTE) for line in marked)
    )


def _own(lines: Sequence[str]) -> str | None:
    """Return the text above the signature; None if it is empty, has a quote, or there are two signatures."""
    # two lines like that are not signatures
    if any(line.startswith(_QUOTE) for line in lines) or lines.count(_SIGNATURE) > 1:
        return None
    own_lines = list(itertools.takewhile(lambda line: line != _SIGNATURE, lines))
    # a signature has no question
    if any(line.rstrip().endswith(_QUESTIONS) for line in lines[len(own_lines) :]):
        return None
    own = "\n".join(own_lines).strip().split("\n")
    # Outlook's line above the quote
    return "\n".join(own[:-1] if _RULE.fullmatch(own[-1]) else own).strip() or None
