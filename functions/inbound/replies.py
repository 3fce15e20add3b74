"""Details of a mail that replies depend on: its recipients' labels, and its own text without its quote."""

from __future__ import annotations

import binascii
import itertools
import re
from typing import TYPE_CHECKING, Final

from inbound import quotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A reply seldom has more.
TEXT_BYTES: Final = 64 * 1024

# RFC 3676, 4.3
_SIGNATURE: Final = "-- "
_QUESTIONS: Final = ("?", "\N{FULLWIDTH QUESTION MARK}")
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
    r"|níže|v textu|červeně|poniżej|w tekście|na (?:czerwono|niebiesko|zielono)"
    r"|abaixo|a seguir|no texto|em (?:vermelho|azul|verde|negrito)"
    r"|(?:vastau\w*|vastaan|kommentit) alla|alla olev\w*|alempana|tekstin seassa|punaisella|sinisellä"
    r"|ниже|в тексте|(?:красным|синим|зел[её]ным))\b"
    r"|下記|以下|文中|赤字|아래|본문|빨간|见下|見下|如下|下面|文中|红色|紅色",
    re.IGNORECASE,
)
# What mailers write before the subject of an answer, with marks of gateways and ticket systems before it.
_ANSWER: Final = re.compile(
    r"(?:\s*\[[^\[\]]{1,40}\])*(?:\s*(?:re|aw|antw|sv|vs|res|odp|r|回复|回覆|答复|返信|답장)(?:\s*\[\d+\])?\s*[:：])+",  # noqa: RUF001 - the Chinese colon
    re.IGNORECASE,
)

# An index of Exchange has 22 bytes, and 5 more for each answer to the first mail of a conversation.
# https://learn.microsoft.com/office/client-developer/outlook/mapi/tracking-conversations
_FIRST_INDEX_BYTES: Final = 22


def recipient_details(recipients: Iterable[str]) -> dict[str, str]:
    """Return the text after `+` in the local part of each address that has one (RFC 5233's detail)."""
    found: dict[str, str] = {}
    for recipient in recipients:
        _, plus, detail = recipient.rpartition("@")[0].strip('"').partition("+")
        if plus:
            found[recipient] = detail
    return found


def continues_conversation(thread_index: str | None) -> bool:
    """Return True if Exchange's Thread-Index is not that of the first mail of a conversation.

    Gateways that drop In-Reply-To and References keep it.
    """
    try:
        return len(binascii.a2b_base64((thread_index or "").encode("ascii"))) > _FIRST_INDEX_BYTES
    except ValueError:
        return False


def stripped(
    text: bytes, *, subject: str | None, is_threaded: bool, addressed: Iterable[str] = ()
) -> str | None:
    """Return the text (UTF-8) of an answer without what it quotes and without its signature.

    A mail is an answer if its headers say so (`is_threaded`) or its subject does; another one is its own
    text, whole. `addressed` are the addresses of its To and Cc, one of which must be the author of an
    unmarked quote. Return None if the result is not certain: the answer is below or within the quote, or says
    so, nothing remains, the mail is forwarded, its mailer introduces quotes in an unknown way, or the text is
    longer than a reply.
    """
    if len(text) > TEXT_BYTES:
        return None
    lines = text.decode("utf-8", "replace").strip().split("\n")
    is_answer = _ANSWER.match(subject or "") is not None
    if not (is_threaded or is_answer):
        return None if quotes.forwards(lines) else "\n".join(lines) or None
    quote = quotes.find(lines)
    # an answer without a known quote may have an unknown one
    if quote is None or any(map(quotes.introduces_forwarded, lines[: quote.start + 1])):
        return None
    above, below = lines[: quote.start], lines[quote.stop :]
    if any(_ANSWERS_WITHIN.search(line) for line in above):
        return None
    # Outlook puts headers above a quote and does not mark its lines; it forwards in the same way.
    if quote.has_headers:
        is_sure = is_threaded and is_answer and _is_answered(below, subject or "", addressed)
    else:
        is_sure = _is_marked(below)
    return _own(_without_rule(above) if quote.has_headers else above) if is_sure else None


def _is_answered(below: Sequence[str], subject: str, addressed: Iterable[str]) -> bool:
    """Return True if headers in the text are those of the mail that is answered.

    People paste headers of other mails, or write lines that look like headers. Those of the quote are
    complete, have an address that the answer goes to and its subject, and no marked quote below them.
    """
    found = quotes.headers(below, 0)
    if found is None or any(line.startswith(quotes.MARK) for line in below):
        return False
    writers = {_mailbox(address) for address in _ADDRESS.findall(found.author)}
    return _topic(found.subject) == _topic(subject) and not writers.isdisjoint(map(_mailbox, addressed))


def _topic(subject: str) -> str:
    """Return the part of a subject that is the same in a whole thread."""
    return " ".join(_ANSWER.sub("", subject, count=1).split()).casefold()


def _mailbox(address: str) -> str:
    """Return an address in lower case without its label."""
    local, _, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _is_marked(below: Sequence[str]) -> bool:
    """Return True if all lines below an introduction are marked as quoted."""
    filled = [line for line in below if line.strip()]
    return bool(filled) and all(line.startswith(quotes.MARK) for line in filled)


def _without_rule(above: Sequence[str]) -> Sequence[str]:
    """Return the lines above the headers of a quote without the rule between them."""
    return above[:-1] if above and quotes.is_rule(above[-1]) else above


def _own(above: Sequence[str]) -> str | None:
    """Return the text above the signature; None if it is empty, has a quote, or there are two signatures."""
    # two lines like that are not signatures
    if any(line.startswith(quotes.MARK) for line in above) or above.count(_SIGNATURE) > 1:
        return None
    own = list(itertools.takewhile(lambda line: line != _SIGNATURE, above))
    # a signature has no question
    if any(line.rstrip().endswith(_QUESTIONS) for line in above[len(own) :]):
        return None
    return "\n".join(own).strip() or None
