"""`python -m bench.parsing [corpus]`: MIME parsers by what they read right, by time and by memory.

The corpus is a folder `mime` of mails, some with what a reference makes of them in `stalwart/expected.jsonl`;
without it only time and memory are measured.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import statistics
import sys
import tempfile
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from bench.parsers import READERS, Attachment, Reading
from bench.support import fresh_process, mails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CORPUS: Final = Path("../shared/corpus/mime")
REFERENCE: Final = "stalwart/expected.jsonl"
SIZES: Final = {"1 kB": 1_000, "100 kB": 100_000, "5 MB": 5_000_000}
SECONDS_EACH: Final = 0.5
ROUNDS: Final = 3
MB: Final = 1_000_000


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """With how many mails of the reference a parser agrees, by field and on all fields; what it raises on."""

    fields: dict[str, int]
    whole: int
    raised: int


def agreement(read: Callable[[bytes, Callable[[bytes], str]], Reading], corpus: Path) -> Agreement:
    """Compare a parser with the reference field by field; a mail that it raises on agrees in none."""
    agreed = dict.fromkeys(MEANT, 0)
    whole = 0
    lines = (corpus / REFERENCE).read_text("utf-8").splitlines()
    for meant in map(json.loads, lines):
        reading = _read(read, corpus / "stalwart" / meant["file"])
        same = {
            field: reading is not None and FOUND[field](reading, meant) == MEANT[field](meant)
            for field in MEANT
        }
        for field, is_same in same.items():
            agreed[field] += is_same
        whole += all(same.values())
    raised = sum(_read(read, path) is None for path in corpus.glob("**/*.eml"))
    return Agreement(fields=agreed, whole=whole, raised=raised)


def _read(read: Callable[[bytes, Callable[[bytes], str]], Reading], path: Path) -> Reading | None:
    try:
        # mail-parser prints what it does not know
        with contextlib.redirect_stdout(io.StringIO()):
            return read(path.read_bytes(), lambda content: hashlib.sha256(content).hexdigest())
    except Exception:  # noqa: BLE001 - that is what is counted
        return None


def _attachments(reading: Reading, meant: dict[str, Any]) -> list[list[str | None]]:
    """Give name, type and hash; what the reference leaves open is left open."""
    found = [_triple(attachment) for attachment in reading.attachments]
    for mine, theirs in zip(found, meant["attachments"], strict=False):
        mine[1] = mine[1] if theirs["type"] else None
        mine[2] = mine[2] if theirs["sha256"] else None
    return found


def _triple(attachment: Attachment) -> list[str | None]:
    return [attachment.filename, attachment.content_type, attachment.kept]


def _body(meant: str | None) -> str | None:
    return (meant or "").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") or None


FOUND: Final[dict[str, Callable[[Reading, dict[str, Any]], Any]]] = {
    "subject": lambda reading, _: reading.subject,
    "from": lambda reading, _: [list(box) for box in reading.from_email],
    "to": lambda reading, _: [list(box) for box in reading.to],
    "cc": lambda reading, _: [list(box) for box in reading.cc],
    "date": lambda reading, _: reading.date,
    "message_id": lambda reading, _: reading.message_id,
    "text": lambda reading, _: reading.text,
    "html": lambda reading, _: reading.html,
    "attachments": _attachments,
}
MEANT: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "subject": lambda meant: meant["subject"],
    "from": lambda meant: meant["from"],
    "to": lambda meant: meant["to"],
    "cc": lambda meant: meant["cc"],
    "date": lambda meant: meant["date"] and datetime.fromisoformat(meant["date"]),
    "message_id": lambda meant: meant["message_id"],
    "text": lambda meant: _body(meant["text"]),
    "html": lambda meant: _body(meant["html"]),
    "attachments": lambda meant: [
        [part["name"], part["type"], part["sha256"]] for part in meant["attachments"]
    ],
}


def milliseconds(read: Callable[[bytes, Callable[[bytes], str]], Reading], raws: Sequence[bytes]) -> float:
    """Give the median time of reading some mails, one after another."""
    times: list[float] = []
    end = time.perf_counter() + SECONDS_EACH
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        for raw in raws:
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                read(raw, _let_go)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def _let_go(content: bytes) -> str:
    return str(len(content))


def rows(corpus: Path) -> Iterator[tuple[str, ...]]:
    """Give a row of the table for each parser."""
    with tempfile.TemporaryDirectory() as directory:
        largest = Path(directory) / "mail.eml"
        largest.write_bytes(mails.mail(mails.LARGEST))
        made = [[mails.mail(size)] for size in SIZES.values()]
        public = [path.read_bytes() for path in sorted(corpus.glob("**/*.eml"))]
        for name, read in READERS.items():
            agreed = agreement(read, corpus) if public else None
            costs = [fresh_process.run("bench.parsing", "--one", name, str(largest)) for _ in range(ROUNDS)]
            yield (
                name,
                *(("",) * (len(MEANT) + 2) if agreed is None else _counts(agreed)),
                *(f"{milliseconds(read, raws):.2f}" for raws in (public, *made)),
                f"{1000 * statistics.median(cost.seconds for cost in costs):.0f}",
                f"{statistics.median(cost.peak_bytes for cost in costs) / MB:.0f}",
                f"{statistics.median(cost.peak_bytes - cost.before_bytes for cost in costs) / MB:.0f}",
            )


def _counts(agreed: Agreement) -> tuple[str, ...]:
    return (str(agreed.whole), *(str(count) for count in agreed.fields.values()), str(agreed.raised))


def main(corpus: Path) -> None:
    """Print the table: mails that agree, mails that raise, milliseconds, megabytes."""
    warnings.simplefilter("ignore")
    logging.disable()
    table = Table(
        "parser", "all fields", *MEANT, "raises", "ms: corpus", *SIZES, "40 MB", "peak MB", "MB for the mail"
    )
    for row in rows(corpus):
        table.add_row(*row)
    Console(width=200).print(table)


def _one(name: str, path: str) -> None:
    raw = Path(path).read_bytes()
    fresh_process.report(lambda: READERS[name](raw, _let_go))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _one(*sys.argv[2:])
    else:
        main(Path(sys.argv[1]) if sys.argv[1:] else CORPUS)
