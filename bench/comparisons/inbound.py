"""The largest mail that SES receives: received by Mailbus, and read by django-anymail from the same bytes.

Each runs in a process of its own, in turn. S3 is a file, and what is stored is discarded. Anymail stores no
parts, so it must return all that an application needs: headers, addresses, bodies and attachments.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.support import fresh_process, mails
from bench.support.comparison import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROUNDS: Final = 5
SHAPES: Final = {
    "20 small attachments and a large one": mails.LARGE_AND_SMALL,
    "one attachment": mails.ONE,
    "20 equal attachments": mails.EQUAL,
}
WORKERS: Final = ("bench.workers.receiving_mailbus", "bench.workers.receiving_anymail")
MB: Final = 1_000_000


def measure() -> Iterator[Comparison]:
    """Compare time, with the memory in the notes, for different sizes of attachments."""
    for shape, shares in SHAPES.items():
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "mail.eml"
            path.write_bytes(mails.mail(mails.LARGEST, shares))
            pairs = [tuple(fresh_process.run(worker, str(path)) for worker in WORKERS) for _ in range(ROUNDS)]
        yield _comparison(f"a mail of {mails.LARGEST / MB:.0f} MB, {shape}", pairs)


def _comparison(title: str, pairs: Sequence[tuple[fresh_process.Cost, ...]]) -> Comparison:
    measured, baseline = zip(*pairs, strict=True)
    memory = statistics.median(other.peak_bytes / own.peak_bytes for own, other in pairs)
    return Comparison(
        title=title,
        measured="receive: read, hashed, stored, one event",
        baseline="django-anymail's inbound webhook, all parts decoded",
        measured_ms=1000 * statistics.median(cost.seconds for cost in measured),
        baseline_ms=1000 * statistics.median(cost.seconds for cost in baseline),
        ratio=statistics.median(other.seconds / own.seconds for own, other in pairs),
        notes=(
            f"{memory:.2f} times less memory: {_most(measured)} MB, against {_most(baseline)} MB",
            f"of which {_before(measured)} and {_before(baseline)} MB are the process before the mail",
        ),
    )


def _most(costs: tuple[fresh_process.Cost, ...]) -> str:
    return f"{statistics.median(cost.peak_bytes for cost in costs) / MB:.0f}"


def _before(costs: tuple[fresh_process.Cost, ...]) -> str:
    return f"{statistics.median(cost.before_bytes for cost in costs) / MB:.0f}"
