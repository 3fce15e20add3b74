"""Mail up to the largest that SES receives: received by Mailbus, and read by django-anymail.

Each reads the same bytes in a process of its own, in turn. S3 is a file, and what is stored is discarded.
Anymail stores no parts, so it must return all that an application needs: headers, addresses, bodies and
attachments.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.results import Goal, paired, shown
from bench.support import fresh_process, mails

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.results import Result

    Pairs = Sequence[tuple[fresh_process.Cost, fresh_process.Cost]]

MB: Final = 1_000_000
EQUAL: Final = "20 equal attachments"
SHAPES: Final = {
    "one attachment": mails.ONE,
    EQUAL: mails.EQUAL,
    "20 small attachments and a large one": mails.LARGE_AND_SMALL,
}
#: In MB, with the rounds of each. Time is compared for the largest alone.
SIZES: Final = {1: 3, 5: 3, 10: 3, 20: 3, mails.LARGEST // MB: 5}
#: The shapes whose memory is measured at each size.
BY_SIZE: Final = ("one attachment", EQUAL)
WORKERS: Final = ("bench.workers.receiving_mailbus", "bench.workers.receiving_anymail")
MAILBUS: Final = "received, with all parts stored"
ANYMAIL: Final = "django-anymail, all parts decoded"
GOALS: Final = {(mails.LARGEST // MB, EQUAL): Goal(of="ratio", at_most=0.5)}


def measure() -> Iterator[Result]:
    """Compare peak memory by size and attachments, and the time of the largest mails."""
    for size, rounds in SIZES.items():
        largest = size * MB == mails.LARGEST
        for shape in SHAPES if largest else BY_SIZE:
            pairs = _pairs(mails.mail(size * MB, SHAPES[shape]), rounds)
            if largest:
                yield _time(size, shape, pairs)
            yield _memory(size, shape, pairs, notes=_before(pairs) if largest else ())


def memory_title(size: int, shape: str) -> str:
    """Return the title of the memory of a mail of a size in MB."""
    return f"peak memory for a mail of {size} MB, {shape}"


def _pairs(mail: bytes, rounds: int) -> Pairs:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "mail.eml"
        path.write_bytes(mail)
        own, other = WORKERS
        return [
            (fresh_process.run(own, str(path)), fresh_process.run(other, str(path))) for _ in range(rounds)
        ]


def _time(size: int, shape: str, pairs: Pairs) -> Result:
    return paired(
        f"time for a mail of {size} MB, {shape}",
        (MAILBUS, [1000 * own.seconds for own, _ in pairs]),
        (ANYMAIL, [1000 * other.seconds for _, other in pairs]),
        unit="ms",
    )


def _memory(size: int, shape: str, pairs: Pairs, notes: tuple[str, ...]) -> Result:
    return paired(
        memory_title(size, shape),
        (MAILBUS, [own.peak_bytes / MB for own, _ in pairs]),
        (ANYMAIL, [other.peak_bytes / MB for _, other in pairs]),
        unit="MB",
        goal=GOALS.get((size, shape)),
        notes=notes,
    )


def _before(pairs: Pairs) -> tuple[str]:
    own, other = (max(cost.before_bytes for cost in costs) / MB for costs in zip(*pairs, strict=True))
    return (f"of which the processes have {shown(own)} and {shown(other)} MB before the mail",)
