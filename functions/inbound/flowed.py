"""Joins the lines of flowed text: `format=flowed`, with or without `delsp=yes` (RFC 3676)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inbound.parameters import Parameterized

# A line takes half a microsecond, and a text may be as large as the mail. A longer one stays as it was sent.
BYTES: Final = 1024 * 1024

_TEXT: Final = "text/plain"
_QUOTE: Final = ">"
_SPACE: Final = " "
# RFC 3676, 4.3: this line is neither flowed nor joined to the one before it.
_SIGNATURE: Final = "-- "


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is flowed: `deletes_space` if the space before a soft break is not part of the text."""

    deletes_space: bool


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    depth: int
    content: str

    @property
    def is_soft(self) -> bool:
        return self.content.endswith(_SPACE) and self.content != _SIGNATURE

    @property
    def begins_paragraph(self) -> bool:
        return self.content in {"", _SIGNATURE}


def flow(content_type: str, parameters: Parameterized) -> Flow | None:
    """Return how a part's text is flowed; None if its lines are fixed."""
    if content_type != _TEXT or (parameters.get("format") or "").strip().lower() != "flowed":
        return None
    return Flow(deletes_space=(parameters.get("delsp") or "").strip().lower() == "yes")


def joined(text: str, flow: Flow) -> str:
    """Return a flowed text with one line for each paragraph, without space-stuffing and with LF line breaks.

    Quoted paragraphs stay quoted: `>` for each level, and a space. An empty line ends a paragraph even if the
    line before it ends in a space, as many mailers write it.
    """
    return "\n".join(_paragraphs(text, flow))


def _paragraphs(text: str, flow: Flow) -> Iterator[str]:
    pieces: list[str] = []
    depth = 0
    for line in map(_parsed, text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        if pieces and (line.depth != depth or line.begins_paragraph):
            yield _written(pieces, depth)
            pieces = []
        depth = line.depth
        pieces.append(line.content[:-1] if line.is_soft and flow.deletes_space else line.content)
        if not line.is_soft:
            yield _written(pieces, depth)
            pieces = []
    if pieces:
        yield _written(pieces, depth)


def _parsed(line: str) -> _Line:
    stuffed = line.lstrip(_QUOTE)
    return _Line(depth=len(line) - len(stuffed), content=stuffed.removeprefix(_SPACE))


def _written(pieces: list[str], depth: int) -> str:
    content = "".join(pieces)
    return f"{_QUOTE * depth}{_SPACE if depth and content else ''}{content}"
