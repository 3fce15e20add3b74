"""Reads the logs of a stage's functions: what they report of errors, and what Lambda says of dead workers.

A function logs JSON lines, in which an error code is a field of its own; what Lambda itself writes, such as
`Task timed out`, is plain text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mailbus_cli.deployment import Deployment

OUTPUT: Final = "FunctionName"
LEVELS: Final = frozenset({"WARNING", "ERROR", "CRITICAL"})
ERRORS: Final = ("error", "bus_error", "put_error")
#: How many lines of a function are read at most; the oldest first, as CloudWatch returns them.
MOST_LINES: Final = 10_000
# CloudWatch looks at the lines, so that not all of a busy sender's are fetched. A pattern for JSON finds no
# plain text, and one of terms knows no fields: hence one each.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
# By pattern whether its lines are Lambda's own.
PATTERNS: Final = {
    "{ "
    + " || ".join(
        [
            *(f'($.level = "{level}")' for level in sorted(LEVELS)),
            *(f'($.{name} = "*")' for name in ERRORS),
        ]
    )
    + " }": False,
    "-level -CloudWatchMetrics": True,
}
# Lambda's own lines of every invocation
_PLATFORM: Final = ("START ", "END ", "REPORT ", "INIT_START ", "XRAY ", "EXTENSION", "RESTORE")
# what each line has, or what is shown beside it
_OMITTED: Final = frozenset({"level", "message", "timestamp", "service", "location", "xray_trace_id"})


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a function's log; `level` is None for what Lambda wrote."""

    function: str
    at: datetime
    level: str | None
    message: str
    fields: Mapping[str, Any] = {}

    @property
    def error(self) -> str | None:
        """The error code, if it has one."""
        return next((str(self.fields[name]) for name in ERRORS if name in self.fields), None)


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that say the same: how many, since when, and the newest."""

    count: int
    first: datetime
    newest: Line


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of the logs; `cut` are the functions with more lines."""

    repeated: tuple[Repeated, ...]
    cut: tuple[str, ...]


def read(deployment: Deployment, functions: Sequence[str], minutes: int) -> Read:
    """Read what the functions, all if none is named, logged in the last minutes. Raises botocore's errors."""
    names = _chosen(deployment, functions)
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        found = list(pool.map(lambda name: _lines(deployment, name, names[name], since), names))
    lines = [line for of_one, _ in found for line in of_one]
    cut = tuple(name for name, (_, is_cut) in zip(names, found, strict=True) if is_cut)
    return Read(repeated=tuple(repeated(lines)), cut=cut)


def functions_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the names of a stage's functions, by `sender`, `tracking` and so on."""
    return {
        name.removesuffix(OUTPUT).lower(): value for name, value in outputs.items() if name.endswith(OUTPUT)
    }


def repeated(lines: Iterable[Line]) -> list[Repeated]:
    """Return the lines by what they say, the newest last."""
    groups: dict[tuple[str, str | None, str, str | None], list[Line]] = defaultdict(list)
    for line in lines:
        # Lambda's lines differ in time and request id
        said = line.message if line.level else line.message.rpartition("Z ")[2].partition(" ")[2]
        groups[(line.function, line.level, said, line.error)].append(line)
    found = [
        Repeated(
            count=len(same),
            first=min(line.at for line in same),
            newest=max(same, key=lambda line: line.at),
        )
        for same in groups.values()
    ]
    return sorted(found, key=lambda one: one.newest.at)


def line_of(function: str, at: datetime, text: str) -> Line | None:
    """Return a line if it is about an error, else None."""
    text = text.strip()
    try:
        logged = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        is_platform = not text or text.startswith(_PLATFORM)
        return None if is_platform else Line(function=function, at=at, level=None, message=text)
    if not isinstance(logged, dict) or "level" not in logged:
        return None
    level = str(logged["level"])
    fields = {
        name: value for name, value in logged.items() if name not in _OMITTED and value not in (None, [])
    }
    if level not in LEVELS and not any(name in fields for name in ERRORS):
        return None
    return Line(function=function, at=at, level=level, message=str(logged.get("message", "")), fields=fields)


def _chosen(deployment: Deployment, functions: Sequence[str]) -> dict[str, str]:
    known = functions_of(deployment.outputs)
    unknown = [name for name in functions if name not in known]
    if unknown or not known:
        reason = f"{deployment.name} has no function {', '.join(unknown)}".rstrip()
        raise UsageError(reason, hint=f"it has {', '.join(known)}" if known else "deploy it again")
    return {name: known[name] for name in functions or known}


def _lines(deployment: Deployment, name: str, function_name: str, since: datetime) -> tuple[list[Line], bool]:
    """Return a function's lines about errors, and whether there are more."""
    functions, logs = deployment.client("lambda"), deployment.client("logs")
    group = functions.get_function_configuration(FunctionName=function_name)["LoggingConfig"]["LogGroup"]
    lines: list[Line] = []
    seen = 0
    for pattern, of_lambda in PATTERNS.items():
        for event in _events(logs, group, pattern, since):
            seen += 1
            if seen > MOST_LINES:
                return lines, True
            at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            # one event may hold several lines
            found = (line_of(name, at, text) for text in event["message"].splitlines())
            lines += (line for line in found if line is not None and (line.level is None) is of_lambda)
    return lines, False


def _events(logs: Any, group: str, pattern: str, since: datetime) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - boto3
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=pattern, startTime=int(since.timestamp() * 1000)
    )
    for page in pages:
        yield from page["events"]
