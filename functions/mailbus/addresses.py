"""Parses mailboxes as people write them into addresses that SES accepts.

A mailbox is one of RFC 5322: `ann@example.com`, `Ann Lee <ann@example.com>` or
`"Lee, Ann" <ann@example.com>`; names may be unicode, or already RFC 2047 encoded. Groups, comments and domain
literals are refused. Errors have the path and the reason, never the address.
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

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

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*|{_QUOTED}")
_ADDR_SPEC: Final = re.compile(rf"(?P<local>{_QUOTED}|[^\"@]*)@(?P<domain>[^@]*)")
_NAMED: Final = re.compile(rf'(?P<name>(?:{_QUOTED}|[^"<>()\[\],;:@\\])*)<(?P<spec>(?:{_QUOTED}|[^<>"])*)>')
_SPLIT: Final = re.compile(rf"(?:{_QUOTED}|<[^<>]*>|[^,])+", re.DOTALL)
_OUTSIDE_QUOTES: Final = re.compile(_QUOTED)
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")
_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
_SHARP_OR_FINAL: Final = re.compile("([\u00df\u03c2])")
_JOINERS: Final = re.compile("[\u200c\u200d]")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NEWLINES: Final = {"\r": "a carriage return", "\n": "a line feed", "\0": "a NUL"}


def require_one_line(text: str, path: str) -> str:
    """Refuse characters that could end a header line or are invisible in one; a tab is allowed."""
    found = next((match[0] for match in _CONTROL.finditer(text) if match[0] != "\t"), None)
    if found is not None:
        what = _NEWLINES.get(found, f"the control character U+{ord(found):04X}")
        raise InvalidJob(path, f"has {what}, which is not allowed in a header; remove it")
    return text


def parse_mailbox(text: str, path: str) -> Mailbox:
    """Parse one mailbox; its domain is encoded to ASCII. Raises `InvalidJob` at `path`."""
    written = _at_most(MAILBOX_CHARACTERS, require_one_line(text, path), path).strip()
    named = _NAMED.fullmatch(written)
    if named is None:
        return Mailbox(name="", address=_addr_spec(written, path))
    name = require_one_line(_display_name(named["name"].strip()), path)
    if len(name) > NAME_CHARACTERS:
        raise InvalidJob(path, f"has a name of {len(name)} characters; at most {NAME_CHARACTERS} are allowed")
    return Mailbox(name=name, address=_addr_spec(named["spec"].strip(), path))


def format_mailbox(mailbox: Mailbox) -> str:
    """Format a mailbox so that `parse_mailbox` returns the same; encode it before it goes into a header."""
    if not mailbox.name:
        return mailbox.address
    escaped = re.sub(r'(["\\])', r"\\\1", mailbox.name)
    return f'"{escaped}" <{mailbox.address}>'


def parse_mailboxes(text: str, path: str) -> tuple[Mailbox, ...]:
    """Parse a comma-separated header value; commas inside quotes do not separate."""
    parts = _SPLIT.findall(_at_most(LIST_CHARACTERS, text, path))
    bare = _OUTSIDE_QUOTES.sub("", text)
    if ";" in bare or (":" in bare and "[" not in bare):
        reason = "must not be a group or have semicolons; separate addresses with commas"
        raise InvalidJob(path, reason)
    return tuple(parse_mailbox(part, path) for part in parts) or (parse_mailbox(text, path),)


def address_key(address: str) -> str:
    """Return one key for all spellings of an address: its domain ignores case, its local part does not."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def is_encoded_word(text: str) -> bool:
    """Return whether a mail client would take part of `text` for an RFC 2047 encoded word."""
    return _ENCODED_WORD.search(text) is not None


def _at_most(most: int, text: str, path: str) -> str:
    if len(text) > most:
        raise InvalidJob(path, f"has {len(text)} characters; at most {most} are allowed")
    return text


def _display_name(phrase: str) -> str:
    if re.fullmatch(_QUOTED, phrase):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    unquoted = _OUTSIDE_QUOTES.sub(lambda match: re.sub(r"\\(.)", r"\1", match[0][1:-1]), phrase)
    if not is_encoded_word(unquoted):
        return unquoted
    # email.utils.formataddr writes encoded words, and jobs are often written with it
    try:
        decoded = str(make_header(decode_header(unquoted)))
        decoded.encode()
    except (HeaderParseError, LookupError, ValueError):
        return unquoted
    return decoded.strip()


def _addr_spec(spec: str, path: str) -> str:
    parts = _ADDR_SPEC.fullmatch(spec)
    if parts is None:
        raise InvalidJob(path, _why_invalid(spec))
    local = parts["local"]
    if not local.isascii():
        reason = "has non-ASCII characters before the @, and SES cannot send to such an address (SMTPUTF8)"
        raise InvalidJob(path, reason)
    if not _LOCAL.fullmatch(local):
        raise InvalidJob(path, _why_invalid(spec))
    if len(local) > LOCAL_CHARACTERS:
        raise InvalidJob(path, f"has more than {LOCAL_CHARACTERS} characters before the @")
    return f"{local}@{_ascii_domain(parts['domain'], path)}"


def _why_invalid(spec: str) -> str:
    bare = _OUTSIDE_QUOTES.sub("", spec)
    reasons = (
        (not spec, "is empty; write an address such as name@example.com"),
        (":" in bare or ";" in bare, "is a group or list; write each address as a separate entry"),
        (
            "," in bare,
            "is more than one address; write each as a separate entry, and a name with a comma in quotes",
        ),
        ("(" in bare or ")" in bare, 'has a comment; write a name with parentheses in quotes: "Ann (Sales)"'),
        (
            "<" in bare or ">" in bare or '"' in bare,
            'has an unbalanced quote or bracket, or a name that needs quotes: "Name" <name@example.com>',
        ),
        ("@" not in bare, "has no @; write an address such as name@example.com"),
        (bare.count("@") > 1, "has more than one @"),
        (bare.startswith("@"), "has nothing before the @"),
        (".." in bare or bare.startswith(".") or ".@" in bare, "has a misplaced dot before the @"),
    )
    otherwise = "has characters before the @ that are not allowed in an address"
    return next((reason for applies, reason in reasons if applies), otherwise)


def _ascii_domain(domain: str, path: str) -> str:
    if domain.startswith("["):
        raise InvalidJob(path, "has an IP address as its domain; SES requires a domain name")
    if len(domain) > DOMAIN_CHARACTERS:
        raise InvalidJob(path, f"has a domain of more than {DOMAIN_CHARACTERS} characters")
    labels = _DOTS.split(domain)
    if len(labels) < 2 or not all(labels):  # noqa: PLR2004 - a name and a top-level domain
        reason = "has an incomplete domain (a dot is missing or misplaced); write it like example.com"
        raise InvalidJob(path, reason)
    encoded = ".".join(_ascii_label(label, path) for label in labels)
    if len(encoded) > DOMAIN_CHARACTERS:
        reason = f"has a domain of more than {DOMAIN_CHARACTERS} characters in its ASCII form"
        raise InvalidJob(path, reason)
    return encoded


def _ascii_label(label: str, path: str) -> str:
    if label.isascii():
        encoded = label
    elif _JOINERS.search(label):
        raise InvalidJob(path, "has a zero-width joiner in its domain; write the domain in its xn-- form")
    else:
        try:
            encoded = _idna(label)
        except UnicodeError as error:
            raise InvalidJob(path, "has a domain that IDNA cannot encode") from error
    if len(encoded) > LABEL_CHARACTERS or not _LABEL.fullmatch(encoded):
        reason = (
            f"has a domain label that is not 1-{LABEL_CHARACTERS} letters, digits and inner hyphens in ASCII"
        )
        raise InvalidJob(path, reason)
    return encoded


def _idna(label: str) -> str:
    """Encode by IDNA 2003, the standard library's, but keep sharp s and final sigma as IDNA 2008 does.

    IDNA 2003 turns them into "ss" and a plain sigma, which today are other domains of other
    owners (https://www.unicode.org/reports/tr46/#Deviations).
    """
    from encodings.idna import ToASCII, nameprep  # noqa: PLC0415 - few domains need it, and cold starts wait for imports

    if not _SHARP_OR_FINAL.search(label):
        return ToASCII(label).decode("ascii")
    prepared = "".join(
        part if _SHARP_OR_FINAL.fullmatch(part) else nameprep(part) for part in _SHARP_OR_FINAL.split(label)
    )
    return "xn--" + prepared.encode("punycode").decode("ascii")
