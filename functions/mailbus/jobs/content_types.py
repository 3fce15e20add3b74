"""Reads content types, such as `text/calendar; method=REQUEST`, by RFC 2045."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailbus.addresses import require_one_line
from mailbus.characters import named
from mailbus.jobs.json_paths import refuse

if TYPE_CHECKING:
    from typing import Final

MAX_CONTENT_TYPE: Final = 255
# a whole mail as an attachment
MAIL_TYPE: Final = "message/rfc822"

_NAME: Final = r"[A-Za-z0-9!#$&^_.+-]+"
_TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"  # noqa: S105 - RFC 2045's token, no secret
_MEDIA_TYPE: Final = re.compile(rf"(?P<type>{_NAME})[ \t]*/[ \t]*(?P<subtype>{_NAME})")
# nothing between two semicolons is what many programs leave behind the last parameter
_PARAMETER: Final = re.compile(
    rf'[ \t]*;[ \t]*(?:(?P<name>{_TOKEN})[ \t]*=[ \t]*(?P<value>{_TOKEN}|"(?:[ !#-\[\]-~]|\\[ -~])*"))?'
)
_WRITTEN_PARAMETER: Final = re.compile(r'; ((?:"(?:[^"\\]|\\.)*"|[^";])+)')


def read_content_type(text: str, path: str) -> str:
    """Return a content type as it is sent, with one space before each parameter. Raises `InvalidJob`."""
    if len(text) > MAX_CONTENT_TYPE:
        refuse(path, f"is not a content type: it has more than {MAX_CONTENT_TYPE} characters")
    written = require_one_line(text, path).strip()
    unknown = next((character for character in written if not character.isascii()), None)
    if unknown is not None:
        refuse(path, f"has {named(unknown)}; write it in ASCII, and the name of a file in filename")
    found = _MEDIA_TYPE.match(written)
    if found is None:
        refuse(path, "is not a content type, such as application/pdf")
    media_type = f"{found['type']}/{found['subtype']}"
    parameters: list[str] = []
    position = found.end()
    while position < len(written):
        found = _PARAMETER.match(written, position)
        if found is None or (
            not found["name"] and found.end() < len(written) and written[found.end()] != ";"
        ):
            shown = f"{media_type}; name=value"
            refuse(path, f"has a parameter that is not written as in {shown}, with quotes around spaces")
        if found["name"]:
            parameters.append(f"{found['name']}={found['value']}")
        position = found.end()
    return "; ".join([media_type, *parameters])


def split_content_type(written: str) -> tuple[str, tuple[str, ...]]:
    """Return the media type of a content type that was read, and its parameters as `name=value`."""
    media_type = written.partition(";")[0]
    return media_type, tuple(_WRITTEN_PARAMETER.findall(written))


def media_type_of(written: str) -> str:
    """Return the media type of a content type that was read, in lower case."""
    return written.partition(";")[0].lower()
