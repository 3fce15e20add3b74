"""Parses header values with parameters, such as `text/plain; charset=utf-8`, well-formed or not.

The standard library's parser takes quadratic time, and fails if a parameter is given in two ways.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING, Final

import msgspec

from inbound import charsets

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD_PARAMETERS: Final = "bad_parameters"

# A file name of 255 bytes has at most 1000 characters (RFC 2231), in about 20 pieces.
PARAMETER_CHARACTERS: Final = 2 * 1024
PARAMETERS: Final = 64

_MISSING_SEMICOLON: Final = re.compile(r"^\s*([^\s;=]+)\s+(?=[^\s;=]+=)")
# A quoted string, the end of a parameter, or where a comment may begin.
_COMMENT_BEGIN: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[;(]', re.DOTALL)
_COMMENT_MARK: Final = re.compile(r"\\.|[()]", re.DOTALL)
_COMMENT_DEPTHS: Final = {"(": 1, ")": -1}
_NAME_BEGIN: Final = re.compile(r"\s*+(?:file)?name[*0-9]*+\s*+=", re.IGNORECASE)
# Up to a semicolon, except in a quoted string, which may be open, and in an encoded word without quotes.
_PIECE: Final = re.compile(
    r'(?:=\?[^?\s"]{1,80}\?[BbQq]\?[^?\s"]*\?=|[^";\\]|\\.|\\\Z|"(?:[^"\\]|\\.)*(?:"|\\?\Z))*+', re.DOTALL
)
# RFC 2231, 3 and 4: name*, name*0, name*0*
_EXTENDED: Final = re.compile(r"(\w+)\*(?:([0-9]{1,4})\*?)?")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)', re.DOTALL)
_ESCAPE: Final = re.compile(r'\\(["\\])')


class Parameterized(msgspec.Struct, frozen=True, kw_only=True):
    """A value such as `text/plain; charset=utf-8`: `token` in lower case, parameter names too.

    Both are encoded like a field's value.
    """

    token: str
    parameters: tuple[tuple[str, str], ...] = ()
    defects: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """Return a parameter by its name in lower case; None if it is missing or empty."""
        return next((value for key, value in self.parameters if key == name and value), None)


class _Pieces(msgspec.Struct, frozen=True, kw_only=True):
    """The values that one parameter is given in: `name=`, `name*=`, and by their numbers `name*0=`."""

    plain: list[str] = msgspec.field(default_factory=list)
    extended: list[str] = msgspec.field(default_factory=list)
    continued: dict[int, tuple[str, bool]] = msgspec.field(default_factory=dict)


def parameterized(value: str) -> Parameterized:
    """Parse a value with parameters, including RFC 2231's continued and charset-labelled ones.

    Of a parameter that is given in several ways, the labelled one counts, then the continued one
    (RFC 6266, 4.3, and Thunderbird: https://searchfox.org/comm-central/source/mailnews/mime/jsmime/jsmime.js).
    """
    known = _MISSING_SEMICOLON.sub(r"\1; ", _without_comments(value[:PARAMETER_CHARACTERS]))
    token = known.partition(";")[0].strip().lower()
    if len(value) > PARAMETER_CHARACTERS or known.count(";") > PARAMETERS:
        return Parameterized(token=token, defects=(BAD_PARAMETERS,))
    found: dict[str, _Pieces] = {}
    for name, content in _given(known):
        extended = _EXTENDED.fullmatch(name)
        pieces = found.setdefault(name if extended is None else extended[1], _Pieces())
        if extended is None:
            pieces.plain.append(content)
        elif extended[2] is None:
            pieces.extended.append(content)
        else:
            pieces.continued.setdefault(int(extended[2]), (content, name.endswith("*")))
    defects: list[str] = []
    parameters = tuple((name, each) for name, pieces in found.items() for each in _values(pieces, defects))
    return Parameterized(token=token, parameters=parameters, defects=tuple(defects))


def _given(value: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters as they are given, without their quotes."""
    position = value.find(";")
    while 0 <= position < len(value):
        piece = _PIECE.match(value, position + 1)
        end = len(value) if piece is None else piece.end()
        name, is_given, content = value[position + 1 : end].partition("=")
        if is_given:
            yield name.strip().lower(), _unquoted(content.strip())
        position = end


def _unquoted(content: str) -> str:
    if len(content) > 1 and content[0] + content[-1] in {'""', "<>"}:
        return _ESCAPE.sub(r"\1", content[1:-1]) if content[0] == '"' else content[1:-1]
    quoted = _QUOTED.match(content)
    return content if quoted is None else _ESCAPE.sub(r"\1", quoted[1])


def _values(pieces: _Pieces, defects: list[str]) -> Iterator[str]:
    """Yield the values of one parameter, the one that counts first."""
    for content in pieces.extended:
        yield _labelled(_octets(content), defects)
    if pieces.continued:
        numbered = [pieces.continued[number] for number in sorted(pieces.continued)]
        whole = "".join(_octets(content) if encoded else content for content, encoded in numbered)
        yield _labelled(whole, defects) if any(encoded for _, encoded in numbered) else whole
    yield from pieces.plain


def _octets(content: str) -> str:
    """Return a percent-encoded text with one character for each byte."""
    return urllib.parse.unquote(content, encoding="latin-1")


def _labelled(content: str, defects: list[str]) -> str:
    charset, _, encoded = content.split("'", 2) if content.count("'") > 1 else ("", "", content)
    try:
        found, wrong = charsets.decode(encoded.encode("latin-1", "surrogateescape"), charset or None)
    except UnicodeEncodeError:
        return encoded
    defects += wrong
    return found


def _without_comments(value: str) -> str:
    """Remove the comments (RFC 2045, 5.1) from a value, unless it has very many; a comment must be closed.

    Brackets in a quoted string begin no comment. Neither do those that mailers do not quote: in a file name,
    as in `filename=report (1).pdf`, or within a word, as in `boundary=a(b)`.
    """
    if not 0 < value.count("(") <= PARAMETERS:
        return value
    kept: list[str] = []
    parameter = position = known = 0
    while match := _COMMENT_BEGIN.search(value, position):
        start, position = match.span()
        if match[0] == ";":
            parameter = position
        if match[0] != "(" or _is_of_word(value, parameter, start):
            continue
        end = _comment_end(value, start)
        if end is None:
            break
        kept.append(value[known:start])
        known = position = end
    return "".join((*kept, value[known:]))


def _is_of_word(value: str, parameter: int, bracket: int) -> bool:
    if _NAME_BEGIN.match(value, parameter, bracket):
        return True
    return value.find("=", parameter, bracket) >= 0 and not value[bracket - 1].isspace()


def _comment_end(value: str, start: int) -> int | None:
    depth = 0
    for match in _COMMENT_MARK.finditer(value, start):
        depth += _COMMENT_DEPTHS.get(match[0], 0)
        if not depth:
            return match.end()
    return None
