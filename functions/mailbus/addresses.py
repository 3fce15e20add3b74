"""Parses mailboxes as people write them into addresses that SES accepts.

A mailbox is one of RFC 5322: `ann@example.com`, `Ann Lee <ann@example.com>`,
`"Lee, Ann" <ann@example.com>` or `ann@example.com (Ann Lee)`; names may be unicode, or already RFC 2047
encoded. Groups and domain literals are refused. Errors have the path and the reason, never the address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailbus import address_reasons
from mailbus.address_reasons import QUOTED, QUOTED_OR_OPEN
from mailbus.characters import named
from mailbus.domains import DOTS, HYPHEN_AT_AN_END, InvalidDomain, ascii_domain
from mailbus.encoded_words import decode_words
from mailbus.errors import InvalidJob
from mailbus.events import Mailbox

if TYPE_CHECKING:
    from typing import Final

LOCAL_CHARACTERS: Final = 64
DOMAIN_CHARACTERS: Final = 253
LABEL_CHARACTERS: Final = 63
MAILBOX_CHARACTERS: Final = 2000
# a mailbox still has room for each of them escaped, and an address
NAME_CHARACTERS: Final = 800
LIST_CHARACTERS: Final = 8000

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*|(?!\"\"){QUOTED}")
_ADDR_SPEC: Final = re.compile(rf"(?P<local>{QUOTED}|[^\"@]*)@(?P<domain>[^@]*)")
_NAMED: Final = re.compile(rf'(?P<name>(?:{QUOTED}|[^"<>()\[\],;:@\\])*)<(?P<spec>(?:{QUOTED}|[^<>"])*)>')
_SPLIT: Final = re.compile(rf"(?:{QUOTED_OR_OPEN}|<[^<>]*>|\([^()]*\)|[^,])+", re.DOTALL)
_OUTSIDE_QUOTES: Final = re.compile(QUOTED)
_COMMENT_OR_QUOTED: Final = re.compile(rf"{QUOTED_OR_OPEN}|[()]")
_INSIDE_COMMENT: Final = re.compile(r"\\.|[()]", re.DOTALL)
# SES refuses any other character for everyone on the mail, "_" too ("Domain contains illegal character"). Its
# texts are those of InternetAddress in Java's mail library:
# https://github.com/jakartaee/mail-api/blob/master/api/src/main/java/jakarta/mail/internet/InternetAddress.java
_NO_DOMAIN_CHARACTER: Final = re.compile(r"[\x00-,/:-@\[-`{-\x7f]")
# nearly all domains are read by this alone
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_USUAL_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")
_IP_ADDRESS: Final = re.compile(r"\[.*|[0-9]{1,3}(?:\.[0-9]{1,3}){3}", re.DOTALL)
_CONTROL_BUT_TAB: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class _InvalidAddressError(Exception):
    """The part of a mailbox that should be an address is none; the text says why."""


def require_one_line(text: str, path: str) -> str:
    """Refuse characters that could end a header line or are invisible in one; a tab is allowed."""
    found = _CONTROL_BUT_TAB.search(text)
    if found is not None:
        raise InvalidJob(path, f"has {named(found[0])}, which is not allowed in a header; remove it")
    return text


def parse_mailbox(text: str, path: str) -> Mailbox:
    """Parse one mailbox; its domain is encoded to ASCII. Raises `InvalidJob` at `path`.

    A comment is left out if there is a name; otherwise it is the name, as before RFC 822.
    """
    written = _at_most(MAILBOX_CHARACTERS, require_one_line(text, path), path).strip()
    plain, comment = _without_comments(written) if "(" in written else (written, "")
    parts = _NAMED.fullmatch(plain)
    phrase, spec = (parts["name"], parts["spec"]) if parts else ("", plain)
    try:
        address = _addr_spec(spec.strip())
    except (InvalidDomain, _InvalidAddressError) as error:
        # a mistake outside the address, such as a name that needs quotes, is found by the whole text
        raise InvalidJob(path, address_reasons.why_invalid(written) or str(error)) from None
    phrase = phrase.strip() or comment
    name = require_one_line(_display_name(phrase), path) if phrase else ""
    if len(name) > NAME_CHARACTERS:
        raise InvalidJob(path, f"has a name of {len(name)} characters; at most {NAME_CHARACTERS} are allowed")
    return Mailbox(name=name, address=address)


def format_mailbox(mailbox: Mailbox) -> str:
    """Format a mailbox so that `parse_mailbox` returns the same; encode it before it goes into a header."""
    if not mailbox.name:
        return mailbox.address
    escaped = re.sub(r'(["\\])', r"\\\1", mailbox.name)
    return f'"{escaped}" <{mailbox.address}>'


def parse_mailboxes(text: str, path: str) -> tuple[Mailbox, ...]:
    """Parse a comma-separated header value; commas inside quotes and comments do not separate.

    As in RFC 5322 (section 4.4), there may be nothing between two commas.
    """
    reason = address_reasons.why_invalid_list(_at_most(LIST_CHARACTERS, text, path))
    if reason is not None:
        raise InvalidJob(path, reason)
    parts = [part for part in _SPLIT.findall(text) if part.strip()]
    return tuple(parse_mailbox(part, path) for part in parts or [""])


def address_key(address: str) -> str:
    """Return one key for all spellings of an address: its domain ignores case, its local part does not."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def _at_most(most: int, text: str, path: str) -> str:
    if len(text) > most:
        raise InvalidJob(path, f"has {len(text)} characters; at most {most} are allowed")
    return text


def _without_comments(text: str) -> tuple[str, str]:
    """Return a text without its comments, which may be nested, and the comments; an open one stays."""
    kept: list[str] = []
    comments: list[str] = []
    depth = begin = position = 0
    while mark := (_INSIDE_COMMENT if depth else _COMMENT_OR_QUOTED).search(text, position):
        position = mark.end()
        if mark[0] == "(":
            if depth == 0:
                kept.append(text[begin : mark.start()].rstrip())
                begin = position
            depth += 1
        elif mark[0] == ")" and depth:
            depth -= 1
            if depth == 0:
                comments.append(text[begin : mark.start()].strip())
                begin = position
    if depth:
        return text, ""
    return " ".join([*kept, text[begin:].lstrip()]).strip(), " ".join(comments)


def _display_name(phrase: str) -> str:
    if re.fullmatch(QUOTED, phrase):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    unquoted = _OUTSIDE_QUOTES.sub(lambda match: re.sub(r"\\(.)", r"\1", match[0][1:-1]), phrase)
    # email.utils.formataddr writes encoded words, and jobs are often written with it
    decoded = decode_words(unquoted)
    return unquoted if decoded == unquoted else decoded.strip()


def _addr_spec(spec: str) -> str:
    parts = _ADDR_SPEC.fullmatch(spec)
    if parts is None or not _LOCAL.fullmatch(parts["local"]):
        raise _InvalidAddressError(address_reasons.NO_ADDRESS)
    if not parts["local"].isascii():
        wrong = next(character for character in parts["local"] if not character.isascii())
        raise _InvalidAddressError(address_reasons.why_not_ascii(wrong))
    if len(parts["local"]) > LOCAL_CHARACTERS:
        reason = f"has more than {LOCAL_CHARACTERS} characters before the @"
        raise _InvalidAddressError(reason)
    return f"{parts['local']}@{_mail_domain(parts['domain'])}"


def _mail_domain(domain: str) -> str:
    """Return a domain in ASCII that SES accepts."""
    if _USUAL_DOMAIN.fullmatch(domain) and len(domain) <= DOMAIN_CHARACTERS:
        return domain
    if len(domain) > DOMAIN_CHARACTERS:
        reason = f"has a domain of more than {DOMAIN_CHARACTERS} characters"
        raise _InvalidAddressError(reason)
    if _IP_ADDRESS.fullmatch(domain):
        reason = "has an IP address as its domain; SES requires a domain name"
        raise _InvalidAddressError(reason)
    wrong = _NO_DOMAIN_CHARACTER.search(domain)
    if wrong is not None:
        raise _InvalidAddressError(address_reasons.why_wrong_in_domain(wrong[0]))
    labels = DOTS.split(domain)
    if len(labels) < 2 or not all(labels):  # noqa: PLR2004 - a name and a top-level domain
        raise _InvalidAddressError(address_reasons.why_incomplete(domain))
    encoded = ascii_domain(domain)
    for label in encoded.split("."):
        if label.startswith("-") or label.endswith("-"):
            raise _InvalidAddressError(HYPHEN_AT_AN_END)
        if len(label) > LABEL_CHARACTERS:
            reason = f"has a domain label of more than {LABEL_CHARACTERS} characters in its ASCII form"
            raise _InvalidAddressError(reason)
    if len(encoded) > DOMAIN_CHARACTERS:
        reason = f"has a domain of more than {DOMAIN_CHARACTERS} characters in its ASCII form"
        raise _InvalidAddressError(reason)
    return encoded
