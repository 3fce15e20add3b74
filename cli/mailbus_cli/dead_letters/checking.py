"""Checks a job as it is edited, by the sender's own parser, and says on which line each error is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.errors import InvalidJob
from mailbus.jobs.parsing import content_reference, parse_document
from mailbus.jobs.strict_json import read_document
from mailbus.sqs_messages import escape_json
from mailbus_cli.dead_letters.positions import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# what joins the errors of several addresses in one: `mailbus.jobs.error_list`
_NEXT: Final = re.compile(r"; (?=\$[.\[][^ ]*: )")
_WHOLE: Final = "$"
#: An array of so many characters is on one line.
SHORT: Final = 60
# what a browser or a stylesheet writes: https://www.rfc-editor.org/rfc/rfc2397
_DATA_URL: Final = re.compile(r': "(data:[^",]{0,80},)')


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender knows beside the job: its settings `send_defaults` and `message_tag_name`."""

    fields: dict[str, Any] = msgspec.field(default_factory=dict)
    message_tag_name: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong in a job, at a path and on a line of its text, counted from 1."""

    path: str
    reason: str
    line: int


def check(
    text: str, *, job_id: str = "job", defaults: Defaults | None = None, now: float | None = None
) -> tuple[Problem, ...]:
    """Return what is wrong in the text of a job; nothing if the sender takes it.

    The sender stops at the first error, but for addresses. With `now`, in epoch seconds, a job that has
    expired is an error too.
    """
    try:
        # the parser's own words for it name the line of a whole body
        json.loads(text)
    except json.JSONDecodeError as error:
        return (Problem(path=_WHOLE, reason=f"is not valid JSON: {error.msg}", line=error.lineno),)
    except (ValueError, RecursionError):
        pass
    known = defaults or Defaults()
    try:
        document = read_document(text)
        if content_reference(document) is not None:
            return ()
        job = parse_document(
            document, job_id, defaults=known.fields or None, message_tag_name=known.message_tag_name
        )
    except InvalidJob as error:
        return _problems(text, error)
    if now is not None and job.expires_at is not None and job.expires_at <= now:
        path = "$.expires_at"
        return (
            Problem(path=path, reason="has passed: set a later time, or remove it", line=line_of(text, path)),
        )
    return ()


def pretty(body: str) -> str:
    """Return a body as JSON with an entry a line, short arrays on one; as it is if it is no JSON."""
    try:
        text = _indented(json.loads(body), "")
    except (ValueError, RecursionError):
        return body
    # a body with a name twice, or with half of a character, would lose it
    return text if _same(text, body) else body


def compact(text: str) -> str:
    """Return a checked job's text as a message's body."""
    return escape_json(json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")))


def document_of(text: str) -> Mapping[str, Any]:
    """Return the document in a checked text."""
    document: dict[str, Any] = json.loads(text)
    return document


def _indented(value: object, indent: str) -> str:
    whole = json.dumps(value, ensure_ascii=False)
    inner = indent + "  "
    if isinstance(value, dict) and value:
        lines = [
            f"{json.dumps(name, ensure_ascii=False)}: {_indented(item, inner)}"
            for name, item in value.items()
        ]
    elif isinstance(value, list) and (
        len(whole) > SHORT or any(isinstance(item, dict | list) for item in value)
    ):
        lines = [_indented(item, inner) for item in value]
    else:
        return whole
    opens, closes = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return f"{opens}\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}{closes}"


def _problems(text: str, error: InvalidJob) -> tuple[Problem, ...]:
    first, *more = _NEXT.split(error.reason)
    located = [(error.path, first), *((one.partition(": ")[0], one.partition(": ")[2]) for one in more)]
    lines = text.split("\n")
    problems = []
    for path, reason in located:
        line = line_of(text, path)
        problems.append(Problem(path=path, reason=reason + _hint(reason, lines[line - 1]), line=line))
    return tuple(problems)


def _hint(reason: str, line: str) -> str:
    start = _DATA_URL.search(line)
    if start is None or "base64" not in reason:
        return ""
    return f"; it starts with “{start[1]}”: keep only what follows the comma"


def _same(one: str, other: str) -> bool:
    def pairs(body: str) -> object:
        return json.loads(body, object_pairs_hook=tuple)

    try:
        one.encode()
        return pairs(one) == pairs(other)
    except (ValueError, RecursionError):
        return False
