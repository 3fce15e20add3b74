"""`make fuzz`: a hundred thousand damaged mails; each must become one event, within time and memory limits.

A mutation is made from its seed and number, so that a failing one can be repeated: `ARGS="--only 4711"`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import Console

from bench.support.fresh_process import peak_memory
from bench.support.received_mail import BUCKET, ENVELOPE, KEY
from inbound.aws.kms import Keys
from inbound.aws.s3 import Bucket
from inbound.receive import receive
from mailbus import events
from mailbus.aws.event_bus import entry_size
from mailbus.aws.sqs import Record
from mailbus.bus_entries import BusEntry
from mailbus.environment import ENTRY_BYTES, InboundSettings
from mailbus.events import InboundEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = (ROOT / "tests/unit/inbound/golden", ROOT / "../shared/corpus/mime")

COUNT: Final = 100_000
SECONDS: Final = 1.0
HANG_SECONDS: Final = 10.0
# what one mail may add to the process, in addition to its own size: decoding, text, event
MEMORY_BYTES: Final = 32_000_000
MAIL_BYTES: Final = 1_000_000
MOST_MUTATIONS: Final = 6
REPORTED_EVERY: Final = 10_000

SAFE_KEY: Final = re.compile(r"parts/[a-z0-9]+/([0-9]+-[A-Za-z0-9._-]{1,100}|body\.(txt|html))")
# the description of `inbound.mime` for an internal error: an event all the same, but a bug of ours
CRASHED: Final = "the mail cannot be read ("

CHARSETS: Final = (
    b"utf-8 utf-7 utf-16 utf-16le utf-32 us-ascii iso-8859-1 iso-8859-8-i iso-2022-jp iso-2022-kr cp437 "
    b"windows-1252 gb2312 gb18030 hz big5 shift_jis euc-kr koi8-r macintosh "
    b"idna punycode rot13 unicode_escape base64 x-no"
).split()
ENCODINGS: Final = b"7bit 8bit binary base64 quoted-printable x-uuencode uue rot13".split()
KINDS: Final = (
    b"text/plain text/html multipart/mixed multipart/alternative multipart/digest multipart/report "
    b"message/rfc822 message/delivery-status message/partial application/ms-tnef application/octet-stream"
).split()
# fragments that mean something to a parser
SCRAPS: Final = (
    *(
        b"\r\n",
        b"\n\n",
        b"\r",
        b"\0",
        b"\t",
        b" ",
        b"--",
        b";",
        b"=",
        b"<",
        b">",
        b"(",
        b'"',
        b"\\",
        b":",
        b",",
    ),
    *(b"=?utf-8?B?", b"=?utf-16?Q?=D8?=", b"=?utf-7?Q?+2AA-?=", b"?=", b"=\r", b"= \n", b"=3D", b"===="),
    *(b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80", b"\x1b$B", b"+AOk-", b"~{"),
    b"\nContent-Type: multipart/mixed; boundary=b\n\n--b\n",
    b"\nContent-Type: multipart/mixed; boundary=\n",
    b"Content-Type: message/rfc822\n\n",
    b"Content-Disposition: attachment; filename*0*=utf-9''%; filename*2=\"../\n",
    b"Content-ID: <\n",
    b'From: (((, "\nTo: a:b:c;;<<>\nDate: Mon, 32 Foo 0000 25:61:61 +9999\n',
    b"References: <a@b> <\nAuto-Submitted: ;\nReply-To: =?\n",
    b"\nOn Mon, a <b@example.org> wrote:\n> c\n-- \nd\n",
    b"begin 644 a\n#",
)
_CHARSET: Final = re.compile(rb"(charset\*?=[\"' ]*|=\?)([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_ENCODING: Final = re.compile(rb"(Content-Transfer-Encoding:[ \t]*)([^\r\n;]+)", re.IGNORECASE)
_KIND: Final = re.compile(rb"(Content-Type:[ \t]*)([^\r\n;]+)", re.IGNORECASE)
_BOUNDARY: Final = re.compile(rb"boundary=\"?([^\"\r\n;]+)", re.IGNORECASE)


def _ranges(mail: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(mail))
    length = int(chance.paretovariate(0.5)) if chance.random() < 0.8 else chance.randint(0, len(mail))  # noqa: PLR2004 - mostly little
    return start, min(len(mail), start + length)


def flipped(mail: bytes, _: bytes, chance: random.Random) -> bytes:
    """Flip single bits."""
    damaged = bytearray(mail)
    for _number in range(chance.randint(1, 8) if mail else 0):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def cut(mail: bytes, _: bytes, chance: random.Random) -> bytes:
    """Remove a range, or everything after its start."""
    start, end = _ranges(mail, chance)
    return mail[:start] if chance.random() < 0.3 else mail[:start] + mail[end:]  # noqa: PLR2004 - less often


def spliced(mail: bytes, other: bytes, chance: random.Random) -> bytes:
    """Insert a range of another mail."""
    at = chance.randint(0, len(mail))
    start, end = _ranges(other, chance)
    return mail[:at] + other[start:end] + mail[at:]


def repeated(mail: bytes, _: bytes, chance: random.Random) -> bytes:
    """Repeat a range, once or many times."""
    start, end = _ranges(mail, chance)
    return mail[:end] + mail[start:end] * chance.choice((1, 1, 2, 10, 200)) + mail[end:]


def sprinkled(mail: bytes, _: bytes, chance: random.Random) -> bytes:
    """Insert a fragment that means something to a parser."""
    at = chance.randint(0, len(mail))
    return mail[:at] + chance.choice(SCRAPS) * chance.choice((1, 1, 1, 3, 100)) + mail[at:]


def with_other_line_ends(mail: bytes, _: bytes, chance: random.Random) -> bytes:
    """Replace all line ends by others, or by nothing."""
    return mail.replace(b"\r\n", b"\n").replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n", b"\n\r", b"")))


def swapped(
    pattern: re.Pattern[bytes], words: Sequence[bytes]
) -> Callable[[bytes, bytes, random.Random], bytes]:
    """Return a mutator that replaces one word, or each, after what the first group of the pattern matches."""

    def mutator(mail: bytes, _: bytes, chance: random.Random) -> bytes:
        found = list(pattern.finditer(mail))
        if not found:
            return mail
        wanted = {chance.choice(found).start()} if chance.random() < 0.5 else {m.start() for m in found}  # noqa: PLR2004 - a coin
        return pattern.sub(lambda m: m[1] + chance.choice(words) if m.start() in wanted else m[0], mail)

    return mutator


def crossed(mail: bytes, _: bytes, chance: random.Random) -> bytes:
    """Replace the boundary of one multipart by that of another."""
    names = _BOUNDARY.findall(mail)
    return mail.replace(chance.choice(names), chance.choice(names), chance.randint(1, 3)) if names else mail


MUTATORS: Final[tuple[Callable[[bytes, bytes, random.Random], bytes], ...]] = (
    flipped,
    cut,
    spliced,
    repeated,
    sprinkled,
    sprinkled,
    with_other_line_ends,
    swapped(_CHARSET, CHARSETS),
    swapped(_ENCODING, ENCODINGS),
    swapped(_KIND, KINDS),
    crossed,
)


def corpus() -> tuple[bytes, ...]:
    """Return the golden mails, and the public ones if there are any."""
    return tuple(path.read_bytes() for folder in FOLDERS for path in sorted(folder.glob("**/*.eml")))


def mutation(mails: Sequence[bytes], seed: int, number: int) -> bytes:
    """Return one of the mails, damaged in one to six ways; the same numbers return the same bytes."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - damage, no secret
    mail = chance.choice(mails)
    for _ in range(chance.randint(1, MOST_MUTATIONS)):
        mail = chance.choice(MUTATORS)(mail, chance.choice(mails), chance)[:MAIL_BYTES]
    return mail


class MemoryS3:
    """An S3 client with one mail, which keeps what is written."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.written: dict[str, bytes] = {}

    def get_object(self, **_: object) -> dict[str, Any]:
        """Return the mail for every key."""
        return {"ContentLength": len(self._raw), "Metadata": {}, "Body": io.BytesIO(self._raw)}

    def put_object(self, *, Key: str, Body: bytes, **_: object) -> None:  # noqa: N803 - AWS's names
        """Keep the object."""
        self.written[Key] = Body


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a mail: event type, defects, CPU seconds, bytes of memory, and what is wrong."""

    event_type: str = ""
    defects: tuple[str, ...] = ()
    seconds: float
    memory_bytes: int
    problems: tuple[str, ...]


class Hang(BaseException):
    """The mail took far too long. Not an `Exception`, so that the function does not catch it."""


def outcome(raw: bytes) -> Outcome:
    """Receive a mail as the inbound function does; check its event, parts, time and memory."""
    s3 = MemoryS3(raw)
    record = Record(message_id="1", receipt_handle="1", body=_NOTIFICATION, receive_count=1)
    before, start = peak_memory(), time.process_time()
    made: object
    try:
        made = receive(record, _SETTINGS, Bucket(s3, BUCKET), Keys(None))  # type: ignore[arg-type] # what of S3 is used; nothing is encrypted
    except (Exception, Hang) as error:  # noqa: BLE001 - errors are what is looked for
        made = error
    seconds, memory = time.process_time() - start, peak_memory() - before
    problems = [
        *([f"took {seconds:.1f} s"] if seconds > SECONDS else []),
        *([f"took {memory} bytes"] if memory > MEMORY_BYTES + 8 * len(raw) else []),
    ]
    if not isinstance(made, BusEntry):
        problems.append(f"no event, but {made!r}")
        return Outcome(seconds=seconds, memory_bytes=memory, problems=tuple(problems))
    if entry_size(made) > ENTRY_BYTES:
        problems.append(f"{entry_size(made)} bytes for the bus")
    event = events.parse(made.detail)
    problems += _problems(event, s3.written) if isinstance(event, InboundEvent) else ["another kind of event"]
    message = event.message if isinstance(event, InboundEvent) else None
    return Outcome(
        event_type=event.event_type,
        defects=message.defects if message else (),
        seconds=seconds,
        memory_bytes=memory,
        problems=tuple(problems),
    )


_NOTIFICATION: Final = json.dumps(ENVELOPE)
_SETTINGS: Final = InboundSettings(
    event_bus_name="mailbus",
    dead_letter_queue_url="https://sqs.eu-west-1.amazonaws.com/000000000000/mailbus-dead-letters",
    inbound_bucket_name=BUCKET,
    raw_prefix="raw/",
    parts_prefix="parts/",
    max_receives=10,
)


def _problems(event: InboundEvent, written: dict[str, bytes]) -> Iterator[str]:
    if (event.event_type == "inbound_failed") != (event.message is None) or event.raw is None:
        yield "neither read nor failed"
    if (event.description or "").startswith(CRASHED):
        yield event.description or ""
    if event.raw is not None and event.raw.key != KEY:
        yield "another raw mail"
    yield from (f"key {key}" for key in written if not SAFE_KEY.fullmatch(key))
    if event.message is None:
        return
    for part in (*event.message.attachments, *event.message.inlines):
        content = written.get(part.s3.key, b"")
        if (part.size, part.sha256) != (len(content), hashlib.sha256(content).hexdigest()):
            yield f"part {part.s3.key} is not what was stored"
    yield from (
        f"no {at.key}"
        for at in (event.message.text_ref, event.message.html_ref)
        if at is not None and at.key not in written
    )


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise Hang


def main() -> None:
    """Try the mutations of a seed; print what is wrong with any, and count the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="write this one mutation to the standard output, untried")
    given = parser.parse_args()
    mails = corpus()
    if given.only is not None:
        sys.stdout.buffer.write(mutation(mails, given.seed, given.only))
        return
    signal.signal(signal.SIGPROF, _hang)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    kinds: Counter[str] = Counter()
    defects: Counter[str] = Counter()
    slowest, wrong, start = 0.0, 0, time.perf_counter()
    for mail in mails:  # so that what is loaded at first use counts for no mutation
        outcome(mail)
    before = peak_memory()
    for number in range(given.count):
        raw = mutation(mails, given.seed, number)
        signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
        found = outcome(raw)
        signal.setitimer(signal.ITIMER_PROF, 0)
        kinds[found.event_type] += 1
        defects.update(found.defects)
        slowest = max(slowest, found.seconds)
        for problem in found.problems:
            wrong += 1
            console.print(f"{number} ({len(raw)} bytes): {problem}")
        if (number + 1) % REPORTED_EVERY == 0:
            console.print(f"{number + 1} mutations, {wrong} problems")
    seconds = time.perf_counter() - start
    console.print(
        f"{given.count} mutations of {len(mails)} mails, seed {given.seed}, in {seconds:.0f} s: "
        + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    )
    console.print(f"defects: {', '.join(f'{count} {name}' for name, count in defects.most_common())}")
    risen = (peak_memory() - before) / 1_000_000
    console.print(f"slowest: {1000 * slowest:.0f} ms of CPU; all together the memory rose by {risen:.0f} MB")
    sys.exit(f"{wrong} problems" if wrong else 0)


if __name__ == "__main__":
    main()
