from __future__ import annotations

import re
import typing
from collections import Counter
from typing import TYPE_CHECKING, get_args

import pytest

from mailbus import client, metrics
from mailbus.aws.event_bus import ENTRY_AT_FAULT, NOT_TRIED, TOO_LARGE
from mailbus.errors import (
    InvalidJob,
    InvalidNotification,
    MailbusError,
    PublishError,
    SendError,
    UnsupportedFeature,
    WiringError,
)
from mailbus.events import ERROR_CODES
from mailbus.jobs import parsing
from mailbus.ledger.records import UNKNOWN_RESENDS
from mailbus.sqs_messages import MAX_BODY_BYTES, MAX_DELAY_SECONDS
from mailbus_cdk import limits
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.doubt import least_seconds
from sender import batch, pauses, preparing, retries
from sender.rate import pacer, slots
from sender.retries import DELAYS, Delay
from sender.ses import errors, mime
from sender.ses.errors import ACCEPTED, MEANINGS, OTHER, ROLE_ATTEMPTS, STATUSES, TEXTS
from tests.unit.docs.pages import ROOT, _written, named, prose, rows
from tracking.ledger_updates import NOT_WRITTEN_DOWN

if TYPE_CHECKING:
    from pathlib import Path

PAGES = ("limits.md", "errors.md", "troubleshooting.md")
ERRORS = "| code | kind | what to do |"


ENTRY_STATUSES = "| status | kind | what to do |"


OWN_ERRORS = "| code | kind | what it is, what to do |"


BY_CLASS = {InvalidJob, UnsupportedFeature, MailbusError}


def codes(heading: str) -> list[tuple[str, str]]:
    """Each code of a table with its kind; rows for all other codes are left out."""
    table = [cells for cells in rows("errors.md", heading) if not cells[0].startswith("any other")]
    return [(code, cells[1]) for cells in table for code in named(cells[0])]


def test_the_table_of_errors_has_each_code_of_ses_once_with_its_kind() -> None:
    documented = Counter(codes(ERRORS))

    known = Counter((code, meaning.kind) for code, meaning in MEANINGS.items())
    known[("UnreadableAnswer", errors.unanswered("", "").kind)] += 1
    assert documented == known


def test_the_table_of_statuses_has_each_status_of_a_bulk_call_once_with_its_kind() -> None:
    documented = Counter(codes(ENTRY_STATUSES))

    assert documented == Counter(
        [(ACCEPTED, "accepted"), *((status, meaning.kind) for status, meaning in STATUSES.items())]
    )


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ("any other: no answer", None),
        ("any other: no answer", 503),
        ("any other with HTTP 429", 429),
        ("any other with HTTP 408", 408),
        ("any other", 418),
    ],
)
def test_what_the_table_says_of_other_errors_is_what_happens(row: str, status: int | None) -> None:
    table = rows("errors.md", ERRORS)

    (documented,) = [
        cells[1] for cells in table if cells[0] == row or (row != "any other" and cells[0].startswith(row))
    ]

    assert documented == errors.classify("NeverHeardOf", "", status).kind


def test_an_unknown_status_means_what_the_table_says() -> None:
    (documented,) = [cells[1] for cells in rows("errors.md", ENTRY_STATUSES) if cells[0] == "any other"]

    assert documented == errors.classify_entry("NEVER_HEARD_OF", "").kind


def test_the_table_of_texts_has_the_codes_and_kinds_of_the_code() -> None:
    table = rows("errors.md", "| text | kind | of |")

    assert [(cells[1], set(named(cells[2]))) for cells in table] == [
        (str(text.meaning.kind), set(text.codes)) for text in TEXTS
    ]


@pytest.mark.parametrize(
    ("text", "code", "kind"),
    [
        (text, code, cells[1])
        for cells in rows("errors.md", "| text | kind | of |")
        for text in re.findall(r'"([^"]+)"', cells[0])
        for code in named(cells[2])
    ],
)
def test_a_text_of_the_table_means_what_the_table_says(text: str, code: str, kind: str) -> None:
    classified = (
        errors.classify_entry(code, f"{text} X.")
        if code in STATUSES
        else errors.classify("NeverHeardOf" if code == OTHER else code, f"{text} X.", 400)
    )

    assert classified.kind == kind


def test_every_error_code_of_the_sender_is_in_a_table() -> None:
    sources = "".join(path.read_text() for path in sorted((ROOT / "functions" / "sender").rglob("*.py")))
    literal = set(re.findall(r'(?:SendError|unanswered)\(\s*"(\w+)"', sources))

    documented = {name for cells in rows("errors.md", OWN_ERRORS) for name in named(cells[0])}

    assert literal <= {code for code, _ in codes(ERRORS)}
    assert {name for name in documented if "$" not in name} == set(ERROR_CODES)
    assert {InvalidJob.__name__, UnsupportedFeature.__name__} <= set(ERROR_CODES)


def test_every_error_class_of_dead_letters_is_documented() -> None:
    (cell,) = [cells[1] for cells in rows("troubleshooting.md", "| attribute | |") if cells[0] == "`Error`"]

    assert set(named(cell)) == {error.__name__ for error in {*BY_CLASS, SendError}}


WAITS = "| kind | at first | at most after the first | how often |"


UNITS = {"s": 1, "min": 60, "h": 3600}


def seconds(cell: str) -> float | None:
    if not cell:
        return None
    number, unit = cell.split()
    return float(number) * UNITS[unit]


@pytest.mark.parametrize("kind_", sorted(DELAYS))
def test_the_table_of_waits_has_the_delays_of_the_code(kind_: errors.Kind) -> None:
    (cells,) = [cells for cells in rows("limits.md", WAITS) if cells[0].startswith(f"`{kind_}`:")]

    shortest, first = (seconds(cell) for cell in cells[1:3])

    assert shortest is not None
    assert first is not None
    assert DELAYS[kind_] == Delay(shortest=shortest, first=first)


def test_what_waits_for_an_answer_waits_as_long_as_what_is_tried_again() -> None:
    """Doubt, and services that do not answer, are looked at again by the delays of `retry`."""
    table = rows("limits.md", WAITS)

    like_retry = [cells[1:3] for cells in table if "doubt" in cells[0] or "do not answer" in cells[0]]
    (retry,) = [cells[1:3] for cells in table if cells[0].startswith("`retry`:")]

    assert like_retry == [retry, retry]


def test_every_kind_of_error_has_its_row() -> None:
    table = rows("errors.md", "| kind | what happens | counts as a try | event | dead letter |")

    documented = {name: cells[2] for cells in table for name in named(cells[0])}

    assert set(documented) == set(get_args(errors.Kind))
    assert {name for name, counts in documented.items() if counts == "yes"} == {"retry"}
    for each in get_args(errors.Kind):
        final = retries.is_final(each, attempts=20, max_attempts=20)
        assert final == (documented[each] in {"yes", ""}), each


@pytest.mark.parametrize(
    "sentence",
    [
        f"otherwise after {retries.LONGEST_WAIT // 86_400} days",
        f"every {retries.LEAST_STEADY_DELAY // 60} to {MAX_DELAY_SECONDS // 60} minutes",
        f"up to {retries.NO_RATE_SECONDS} s longer each time",
        f"after {limits.SEND_RECEIVES} receives, {limits.SEND_RECEIVES * 90 // 3600} hours",
        f"once in {pauses.PROBE_SECONDS:.0f} s",
        f"takes the rate up to {slots.LANES['transactional'].ahead:.0f} s ahead",
        f"only when less than {slots.LANES['bulk'].ahead} s",
        f"at most {slots.LANES['bulk'].stretch} s of the rate",
        f"counts as {slots.LOWEST_RATE:.0f} a second",
        f"waits {batch.PATIENCE_SECONDS:.0f} s at most in the function",
        f"sent again, {UNKNOWN_RESENDS} times at most",
        f"at most {ROLE_ATTEMPTS} tries",
        f"if a policy denies it, {ROLE_ATTEMPTS} tries at most",
        f"| {_written(mime.MESSAGE_BYTES)} bytes | SES |",
        f"more than {_written(MAX_BODY_BYTES)} bytes to S3",
        f"| {_written(preparing.DOCUMENT_BYTES)} bytes | Mailbus |",
        f"| recipients of one mail | {parsing.MAX_RECIPIENTS} |",
        f"{pacer.MAX_BULK_ENTRIES}, and half a second of the rate",
        f"{preparing.FARTHEST_SECONDS // 86_400} days | Mailbus |",
        f"a cancelled id: {client.CANCELLED_SECONDS // 86_400} days",
        f"`{metrics.SENDING_PAUSED}`",
    ],
)
def test_the_page_on_limits_has_the_numbers_of_the_code(sentence: str) -> None:
    assert sentence in prose(*PAGES)
    assert pacer.BULK_CALL_SECONDS == 1 / 2


@pytest.mark.parametrize(
    ("documented", "default"),
    [
        ("once in {} seconds", limits.rate_cache_seconds),
        ("`sender.doubt_seconds` ({})", lambda s: s.sender.doubt_seconds),
        ("{} s in all", least_seconds),
        ("`max_attempts` tries ({})", lambda s: s.max_attempts),
        (
            "delivered again {} s after it was received",
            lambda s: limits.sender(s).timeout_seconds + limits.SEND_SLACK_SECONDS,
        ),
    ],
)
def test_a_default_on_the_page_on_limits_is_the_one_in_the_code(
    documented: str, default: typing.Callable[[Settings], float]
) -> None:
    settings = Settings(stage="prod", region="us-east-1", identity="example.com")

    assert documented.format(f"{default(settings):g}") in prose(*PAGES)


def test_the_dead_letters_of_tracking_name_every_code_of_an_event_at_fault() -> None:
    documented = {
        name
        for cells in rows("troubleshooting.md", "| `Error`, `Code` | what it is | what to do |")
        for name in named(cells[0])
    }
    (classes,) = [
        cells[1] for cells in rows("troubleshooting.md", "| attribute | value |") if cells[0] == "`Error`"
    ]

    assert documented >= ENTRY_AT_FAULT | {TOO_LARGE, NOT_TRIED, NOT_WRITTEN_DOWN}
    assert documented >= set(named(classes))
    assert set(named(classes)) == {
        error.__name__ for error in (WiringError, InvalidNotification, PublishError)
    }


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_no_page_has_a_placeholder(path: Path) -> None:
    open_figures = [line for line in path.read_text().splitlines() if "FIGURE(" in line]
    assert open_figures == []
