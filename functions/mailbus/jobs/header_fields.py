"""How each header field is written in 7 bits, by its syntax.

Free text is written in encoded words where it needs them. A field with structure must not be: programs read
it as it stands, and one that finds an encoded word finds no URI
(https://github.com/wttw/aboutmyemail/issues/46, https://github.com/odoo/odoo/pull/289182). What has no 7-bit
form there is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mailbus.addresses import parse_mailboxes, require_one_line
from mailbus.characters import named
from mailbus.encoded_words import decode_words
from mailbus.jobs.header_text import LINE, WORD_LIMIT, free_text, mailbox_text, phrase, words_of
from mailbus.jobs.json_paths import refuse
from mailbus.jobs.uris import encode_domain, encode_uri

if TYPE_CHECKING:
    from typing import Final

# what nearly all fields are
_ONE_URI: Final = re.compile("<([^<>]*)>")
_BARE_URIS: Final = re.compile(r"(?:https?://|mailto:)[^\s<>]*", re.IGNORECASE)
_NEXT_BARE_URI: Final = re.compile(r",[ \t]*(?=https?://|mailto:)", re.IGNORECASE)
_COMMENT: Final = re.compile(r"\((?P<comment>(?:[^()\\]|\\.)*)\)")
# an escaped bracket is read once, and not again from each bracket before it that is never closed
_ESCAPE_OR_COMMENT: Final = re.compile(rf"\\.|{_COMMENT.pattern}")
_URI_TOKEN: Final = re.compile(
    rf"<(?P<uri>[^<>]*)>|{_COMMENT.pattern}|(?P<comma>,)|(?P<blank>[ \t]+)|(?P<no>NO\b)",
    re.ASCII,
)
_BARE_IDS: Final = re.compile(r"[^\s<>,()\"@]+@[^\s<>,()\"@]+(?:[ ,]+[^\s<>,()\"@]+@[^\s<>,()\"@]+)*")
_LIST_ID: Final = re.compile(
    r'(?P<name>(?:"(?:[^"\\]|\\.)*"|[^<>"])*)<[ \t]*(?P<id>[^<> \t][^<>]*)>|(?P<bare>[^\s<>"]+)'
)
_BEFORE_BRACKET: Final = re.compile(r"(?<=[>,])(?=<)")
_NOT_PRINTABLE: Final = re.compile(r"[^ -~]")


def write_field(name: str, text: str, path: str) -> str:
    """Return the value of a header in 7 bits. Raises `InvalidJob` at `path` if it has no such form."""
    syntax = SYNTAXES.get(name.lower())
    if syntax is None or not syntax.has_names:
        # some libraries have encoded it already
        text = require_one_line(decode_words(text), path)
    if syntax is None:
        return "".join(free_text(text, room=LINE - len(name) - len(": ")))
    value = syntax.write(text, path)
    # the words of a short value are short
    longest = max(map(len, foldable_words(name, value))) if len(value) > WORD_LIMIT else 0
    if longest > WORD_LIMIT:
        reason = (
            f"has {longest} characters in one piece as it is sent, and a line of mail has room for "
            f"{WORD_LIMIT}; shorten it"
        )
        refuse(path, reason)
    return value


def foldable_words(name: str, value: str) -> list[str]:
    """Return the pieces of a written value between which the field may be folded.

    A piece without a space before it may get one: its syntax allows it there.
    """
    syntax = SYNTAXES.get(name.lower())
    words = words_of(value)
    if syntax is None or not syntax.bracketed:
        return words
    return [piece for word in words for piece in _BEFORE_BRACKET.split(word)]


def _uris(text: str, path: str) -> str:
    """Write a list of URIs as in RFC 2369, each in angle brackets, with comments in parentheses."""
    if alone := _ONE_URI.fullmatch(text):
        return f"<{encode_uri(alone[1], path)}>"
    if "<" not in text:
        bare = [uri.rstrip(" \t") for uri in _NEXT_BARE_URI.split(text)]
        if all(map(_BARE_URIS.fullmatch, bare)):
            return ", ".join(f"<{encode_uri(uri, path)}>" for uri in bare)
    written: list[str] = []
    position, after_uri = 0, False
    while position < len(text):
        token = _URI_TOKEN.match(text, position)
        if token is None:
            reason = "outside of the angle brackets; write <https://…>, <mailto:…>, and notes in parentheses"
            refuse(path, f"has {named(text[position])} {reason}")
        if token.lastgroup == "uri":
            # RFC 2369, 2: a list separated by commas
            if after_uri:
                if written[-1] == " ":
                    written.pop()
                written.append(", ")
            written.append(f"<{encode_uri(token['uri'], path)}>")
        elif token.lastgroup == "comment":
            written.append(_encoded_comment(token))
        else:
            written.append(" " if token.lastgroup == "blank" else token[0])
        after_uri = token.lastgroup == "uri" or (after_uri and token.lastgroup in {"comment", "blank"})
        position = token.end()
    return "".join(written)


def _message_ids(text: str, path: str) -> str:
    """Write message ids as they are, in angle brackets: they have to be equal to those of other mails."""
    written = _ascii(text, path)
    if _BARE_IDS.fullmatch(written):
        return " ".join(f"<{one}>" for one in re.split("[ ,]+", written))
    return written


def _list_id(text: str, path: str) -> str:
    """Write the id of a mailing list as in RFC 2919, behind its name if it has one."""
    # the brackets are encoded with the rest, or only the name is
    found = _LIST_ID.fullmatch(text if "<" in text else require_one_line(decode_words(text), path))
    if found is None:
        refuse(path, "is not the id of a list; write it as List name <list-id.example.com>")
    identifier = encode_domain((found["id"] or found["bare"]).strip(" \t"), path)
    return f"{_phrase(found['name'] or '')} <{identifier}>".lstrip(" ")


def _phrases(text: str, _path: str) -> str:
    return ", ".join(map(_phrase, text.split(","))) if not text.isascii() else _phrase(text)


def _phrase(name: str) -> str:
    plain = name.strip(" \t").replace("\t", " ")
    return plain if plain.isascii() else " ".join(phrase(plain.strip('"')))


def _mailboxes(text: str, path: str) -> str:
    return ", ".join(map(mailbox_text, parse_mailboxes(text, path)))


def _tokens(text: str, path: str) -> str:
    return _ascii(_ESCAPE_OR_COMMENT.sub(_encoded_comment, text), path)


def _encoded_comment(found: re.Match[str]) -> str:
    # RFC 2047, 5 (2): an encoded word may be in a comment, which is no structure
    comment = found["comment"]
    if comment is None:
        return found[0]
    return f"({comment if comment.isascii() else ''.join(free_text(comment))})"


def _ascii(text: str, path: str) -> str:
    written = text.replace("\t", " ")
    wrong = _NOT_PRINTABLE.search(written)
    if wrong is not None:
        refuse(path, f"has {named(wrong[0])}; this header has no form for characters that are not ASCII")
    return written


class Syntax(msgspec.Struct, frozen=True, kw_only=True):
    """How fields of one syntax are written.

    `bracketed` ones may be folded before each angle bracket. Those that have names decode these themselves.
    """

    write: Callable[[str, str], str]
    names: tuple[str, ...]
    bracketed: bool = False
    has_names: bool = False


URIS: Final = Syntax(
    write=_uris,
    bracketed=True,
    names=(
        "Archived-At",
        "List-Archive",
        "List-Help",
        "List-Owner",
        "List-Post",
        "List-Subscribe",
        "List-Unsubscribe",
    ),
)
MESSAGE_IDS: Final = Syntax(
    write=_message_ids,
    bracketed=True,
    names=(
        "In-Reply-To",
        "Obsoletes",
        "Original-Message-ID",
        "References",
        "Resent-Message-ID",
        "Supersedes",
    ),
)
MAILBOXES: Final = Syntax(
    write=_mailboxes,
    has_names=True,
    names=(
        "Bounces-To",
        "Disposition-Notification-To",
        "Errors-To",
        "Mail-Followup-To",
        "Mail-Reply-To",
        "Resent-Cc",
        "Resent-From",
        "Resent-Reply-To",
        "Resent-Sender",
        "Resent-To",
        "Return-Receipt-To",
        "X-Confirm-Reading-To",
    ),
)
LIST_ID: Final = Syntax(write=_list_id, has_names=True, names=("List-Id",))
PHRASES: Final = Syntax(write=_phrases, has_names=True, names=("Keywords",))
# keywords, dates, languages, parameters: https://www.iana.org/assignments/message-headers
TOKENS: Final = Syntax(
    write=_tokens,
    names=(
        "Accept-Language",
        "Authentication-Results",
        "Auto-Submitted",
        "Autocrypt",
        "BIMI-Selector",
        "Content-Language",
        "Content-Location",
        "DKIM-Signature",
        "Deferred-Delivery",
        "Disposition-Notification-Options",
        "Expires",
        "Expiry-Date",
        "Feedback-ID",
        "Importance",
        "List-Unsubscribe-Post",
        "MT-Priority",
        "Message-Context",
        "OpenPGP",
        "Original-Recipient",
        "Precedence",
        "Priority",
        "Received",
        "Reply-By",
        "Require-Recipient-Valid-Since",
        "Resent-Date",
        "Sensitivity",
        "Solicitation",
        "TLS-Required",
        "VBR-Info",
        "X-Auto-Response-Suppress",
        "X-MSMail-Priority",
        "X-Priority",
    ),
)
GROUPS: Final = (URIS, MESSAGE_IDS, MAILBOXES, LIST_ID, PHRASES, TOKENS)
SYNTAXES: Final = {name.lower(): syntax for syntax in GROUPS for name in syntax.names}
