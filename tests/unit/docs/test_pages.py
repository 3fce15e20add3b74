"""The tables of docs/ name what the code knows, and nothing that it does not."""

from __future__ import annotations

import re
import types
import typing
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import msgspec
import pytest
from anymail.signals import AnymailTrackingEvent  # type: ignore[import-untyped] # it has no types

from mailbus import addresses, client, metrics
from mailbus.aws.dead_letters import REASON_CHARACTERS
from mailbus.aws.event_bus import CALL_BYTES, ENTRY_AT_FAULT, ENTRY_BYTES, NOT_TRIED, TOO_LARGE
from mailbus.aws.sqs import PART_ATTRIBUTE
from mailbus.errors import (
    InvalidJob,
    InvalidNotification,
    MailbusError,
    PublishError,
    SendError,
    UnsupportedFeature,
    WiringError,
)
from mailbus.events import DETAIL_TYPE_PREFIX, EmailEvent, EventType, InboundEvent
from mailbus.jobs import attachments, headers, merge, metadata, parsing
from mailbus.jobs.contract import Attachment, SendJob
from mailbus.jobs.defaults import NO_DEFAULTS
from mailbus.jobs.esp_extra import ALWAYS_REFUSED, RESERVED_TAGS, TAG_PARAMETERS
from mailbus.jobs.headers import REFUSED, REFUSED_PREFIXES
from mailbus.jobs.splitting import PART_RECIPIENTS
from mailbus.ledger.records import UNKNOWN_RESENDS
from mailbus.ses_events import SES_EVENT_TYPES
from mailbus.sqs_messages import MAX_BODY_BYTES
from mailbus_cdk import limits
from mailbus_cdk.constructs.buckets import ESP_EVENTS_DAYS, ESP_EVENTS_PREFIX
from mailbus_cdk.settings import Settings, load
from mailbus_cdk.settings.checks import SEND_DEFAULTS_BYTES
from sender import deferral, preparing, retries
from sender.rate import gcra, pacer
from sender.retries import DELAYS, Delay
from sender.ses import errors, mime
from sender.ses.errors import ACCEPTED, MAY_BE_QUOTA, MEANINGS, STATUSES
from tracking.event_details import BOUNCE_REJECT_REASONS
from tracking.ledger_updates import NOT_WRITTEN_DOWN
from tracking.normalize import SETUP_MESSAGE_ID, SUBSCRIBED, VALIDATED

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
# Received mail has ids of its own, and `autoresponded` comes from nobody.
NOT_SESS = {"queued", "inbound", "inbound_failed", "autoresponded"}
NEED_NO_WORD = {"schema_version", "esp_name"}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def prose(name: str) -> str:
    """A page with its lines joined, so that a sentence is found wherever it is broken."""
    return re.sub(r"\s+", " ", page(name))


def rows(name: str, heading: str) -> list[list[str]]:
    """The rows of the only table with this heading row, cell by cell."""
    _, found, rest = page(name).partition(f"\n{heading}\n")
    assert found, f"{name} has no table {heading}"
    return cells_of(rest.partition("\n\n")[0].splitlines()[1:])


def cells_of(lines: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# --- the fields of a job

FIELDS = "| field | type | meaning, limits |"
KINDS = {
    int: "integer",
    float: "number",
    str: "string",
    bytes: "string",
    bool: "boolean",
    dict: "object",
    tuple: "array",
    datetime: "time",
}


def kind(annotation: object) -> str:
    """A field's type as the page writes it."""
    if typing.get_origin(annotation) is Annotated:
        return kind(get_args(annotation)[0])
    if typing.get_origin(annotation) is Literal:
        return KINDS[type(get_args(annotation)[0])]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        parts = {kind(part) for part in get_args(annotation) if part is not types.NoneType}
        if "time" in parts:
            return "time"
        return "address or array" if parts == {"string", "array"} else parts.pop()
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return "object"
    return KINDS[typing.get_origin(annotation) or typing.cast("type", annotation)]


def tables_of_fields() -> Iterator[list[list[str]]]:
    text = page("sending.md")
    for found in re.finditer(rf"^{re.escape(FIELDS)}\n\| --- .*\n((?:\|.*\n)+)", text, re.MULTILINE):
        yield cells_of(found[1].splitlines())


@pytest.mark.parametrize(("place", "struct"), [(0, SendJob), (1, Attachment)])
def test_the_table_of_fields_is_the_contract_with_its_types(place: int, struct: type[msgspec.Struct]) -> None:
    table = list(tables_of_fields())[place]

    told = {name: cells[1] for cells in table for name in named(cells[0])}

    hints = typing.get_type_hints(struct, include_extras=True)
    assert told == {name: kind(hints[name]) for name in struct.__struct_fields__}


def _written(number: int) -> str:
    return f"{number:,}"


@pytest.mark.parametrize(
    "sentence",
    [
        "1 to 128 of `A-Z a-z 0-9 _ -`",
        f"at least 1 and at most {parsing.MAX_RECIPIENTS}",
        f"at most {headers.MAX_HEADER_CHARACTERS} characters",
        f"Names of 1 to {headers.MAX_HEADER_NAME} printable ASCII",
        f"all together at most {metadata.MAX_TAGS_BYTES} bytes of JSON",
        f"at most {metadata.MAX_METADATA_BYTES} bytes of JSON, in a merge",
        f"in a merge {metadata.MAX_RECIPIENT_METADATA_BYTES} with a recipient's own",
        f"up to {preparing.FARTHEST_SECONDS // 86_400} days ahead",
        f"at most {addresses.MAILBOX_CHARACTERS} characters, of which {addresses.NAME_CHARACTERS}",
        f"At most {attachments.MAX_ATTACHMENTS}, alternatives included",
        f"1 to {attachments.MAX_FILENAME} characters, unicode",
        f"at most {attachments.MAX_CONTENT_TYPE} characters (in a merge {attachments.MAX_TEMPLATE_FIELD})",
        f"1 to {attachments.MAX_CONTENT_ID} printable ASCII characters (in a merge",
        f"ASCII characters (in a merge {attachments.MAX_TEMPLATE_FIELD})",
        f"40 MB ({_written(mime.MESSAGE_BYTES)} bytes)",
        f"{preparing.FILES_BYTES // 1_000_000} MB of files",
        f"`{PART_ATTRIBUTE}`",
        f"parts of {PART_RECIPIENTS} recipients",
        f"more than {merge.MAX_TEMPLATE_HEADERS} headers",
        f"template data {merge.MAX_TEMPLATE_DATA} characters",
        f"a template in the job {_written(merge.MAX_INLINE_TEMPLATE_BYTES)} bytes",
        f"up to {deferral.DELAYED_SECONDS // 60} minutes delayed",
        f"at most {preparing.DOCUMENT_BYTES // 1_000_000} MB",
        f"at most {_written(SEND_DEFAULTS_BYTES)} bytes as JSON",
        "`job_id`, `content_ref` and `schema_version`",
    ],
)
def test_the_page_on_sending_has_the_limits_of_the_code(sentence: str) -> None:
    assert sentence in prose("sending.md")


def test_defaults_leave_out_what_the_page_says() -> None:
    assert {"job_id", "content_ref", "schema_version"} == NO_DEFAULTS


@pytest.mark.parametrize("header", sorted([*REFUSED, *REFUSED_PREFIXES]))
def test_every_header_that_is_refused_stands_in_the_table_of_headers(header: str) -> None:
    table = rows("sending.md", "| header | |")

    refused = {
        name.rstrip("*").lower() for cells in table if "refused: " in cells[1] for name in named(cells[0])
    }

    assert header in refused
    assert refused == {*REFUSED, *REFUSED_PREFIXES}


def test_every_parameter_that_is_refused_stands_in_the_table_of_parameters() -> None:
    table = rows("sending.md", "| parameter | |")

    refused = {name for cells in table if cells[1].startswith("refused") for name in named(cells[0])}

    assert refused == set(ALWAYS_REFUSED)
    assert {name for cells in table for name in named(cells[0])} >= set(TAG_PARAMETERS.values())


@pytest.mark.parametrize("tag", sorted(RESERVED_TAGS))
def test_the_tags_that_are_mailbus_s_own_are_named(tag: str) -> None:
    assert f"`{tag}`" in page("sending.md")


# --- what errors mean

ERRORS = "| code | kind | what to do |"
ENTRY_STATUSES = "| status | kind | what to do |"
OWN_ERRORS = "| error | kind | what it is, what to do |"
BY_CLASS = {InvalidJob, UnsupportedFeature, MailbusError}


def codes(heading: str) -> list[tuple[str, str]]:
    """Each code of a table with its kind; rows for all other codes are left out."""
    table = [
        cells for cells in rows("limits.md", heading) if not cells[0].startswith(("any other", "the same"))
    ]
    return [(code, cells[1]) for cells in table for code in named(cells[0])]


def test_the_table_of_errors_has_each_code_of_ses_once_with_its_kind() -> None:
    told = Counter(codes(ERRORS))

    known = Counter((code, meaning.kind) for code, meaning in MEANINGS.items())
    known[("UnreadableAnswer", errors.unanswered("", "").kind)] += 1
    assert told == known


def test_the_table_of_statuses_has_each_status_of_a_bulk_call_once_with_its_kind() -> None:
    told = Counter(codes(ENTRY_STATUSES))

    assert told == Counter(
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
    table = rows("limits.md", ERRORS)

    (told,) = [
        cells[1] for cells in table if cells[0] == row or (row != "any other" and cells[0].startswith(row))
    ]

    assert told == errors.classify("NeverHeardOf", "", status).kind


def test_a_status_that_nobody_knows_means_what_the_table_says() -> None:
    (told,) = [cells[1] for cells in rows("limits.md", ENTRY_STATUSES) if cells[0] == "any other"]

    assert told == errors.classify_entry("NEVER_HEARD_OF", "").kind


@pytest.mark.parametrize("code", sorted(MAY_BE_QUOTA))
def test_what_may_be_the_daily_quota_is_so_by_the_word_that_the_table_names(code: str) -> None:
    table = rows("limits.md", ERRORS)
    at = next(place for place, cells in enumerate(table) if cells[0].startswith("the same"))

    assert code in named(table[at - 1][0]) + named(table[at][0])
    assert errors.classify(code, 'a message with "daily" in it', 400).kind == table[at][1]
    assert '"daily"' in table[at][0]


def test_every_code_that_the_sender_makes_itself_stands_in_a_table() -> None:
    sources = "".join(path.read_text() for path in sorted((ROOT / "functions" / "sender").rglob("*.py")))
    own = set(re.findall(r'(?:SendError|unanswered)\(\s*"(\w+)"', sources))

    told = {name for cells in rows("limits.md", OWN_ERRORS) for name in named(cells[0])}

    assert own >= {"Expired", "OutcomeUnknown", "WaitedTooLong"}
    assert own - told <= {code for code, _ in codes(ERRORS)}
    assert {error.__name__ for error in BY_CLASS} <= told
    assert {name for name in told if "$" not in name} <= own | {error.__name__ for error in BY_CLASS}


def test_every_class_of_error_that_a_dead_letter_names_is_told() -> None:
    (cell,) = [cells[1] for cells in rows("limits.md", "| attribute | |") if cells[0] == "`Error`"]

    assert set(named(cell)) == {error.__name__ for error in {*BY_CLASS, SendError}}


# --- how long jobs wait

WAITS = "| kind | shortest | at most after the first | longest | how often |"
UNITS = {"s": 1, "min": 60, "h": 3600}


def seconds(cell: str) -> float | None:
    if not cell:
        return None
    number, unit = cell.split()
    return float(number) * UNITS[unit]


@pytest.mark.parametrize("kind_", sorted(DELAYS))
def test_the_table_of_waits_has_the_delays_of_the_code(kind_: errors.Kind) -> None:
    (cells,) = [cells for cells in rows("limits.md", WAITS) if cells[0].startswith(f"`{kind_}`:")]

    shortest, first, longest = (seconds(cell) for cell in cells[1:4])

    assert shortest is not None
    assert longest is not None
    assert DELAYS[kind_] == Delay(shortest=shortest, longest=longest, first=first)


def test_what_waits_for_an_answer_waits_as_long_as_what_is_tried_again() -> None:
    """Doubt, and services that do not answer, are looked at again by the delays of `retry`."""
    table = rows("limits.md", WAITS)

    like_retry = [cells[1:4] for cells in table if "doubt" in cells[0] or "do not answer" in cells[0]]
    (retry,) = [cells[1:4] for cells in table if cells[0].startswith("`retry`:")]

    assert like_retry == [retry, retry]


def test_every_kind_of_error_has_its_row() -> None:
    table = rows("limits.md", "| kind | what happens | counts as a try | event | dead letter |")

    told = {name: cells[2] for cells in table for name in named(cells[0])}

    assert set(told) == set(get_args(errors.Kind))
    assert {name for name, counts in told.items() if counts == "yes"} == {"retry"}
    for each in get_args(errors.Kind):
        final = retries.is_final(each, attempts=20, max_attempts=20)
        assert final == (told[each] in {"yes", ""}), each


@pytest.mark.parametrize(
    "sentence",
    [
        f"after {retries.LONGEST_WAIT // 86_400} days or {retries.LAST_RECEIVE} deliveries",
        f"It reserves up to {gcra.TRANSACTIONAL_AHEAD:.0f} s ahead",
        f"only when less than {gcra.BULK_AHEAD} s",
        f"at most {gcra.BULK_SPAN} s of the rate",
        f"counts as {gcra.LOWEST_RATE:.0f} a second",
        f"sent again, {UNKNOWN_RESENDS} times at most",
        f"| {_written(mime.MESSAGE_BYTES)} bytes | SES |",
        f"more than {_written(MAX_BODY_BYTES)} bytes to S3",
        f"| {_written(preparing.DOCUMENT_BYTES)} bytes | Mailbus |",
        f"| recipients of one mail | {parsing.MAX_RECIPIENTS} |",
        f"{pacer.MAX_BULK_ENTRIES}, and half a second of the rate",
        f"{preparing.FARTHEST_SECONDS // 86_400} days | Mailbus |",
        f"a cancelled one {client.CANCELLED_SECONDS // 86_400} days",
        f"`{metrics.SENDING_PAUSED}`",
        f"`{metrics.WAITING_JOB_SECONDS}`",
    ],
)
def test_the_page_on_limits_has_the_numbers_of_the_code(sentence: str) -> None:
    assert sentence in prose("limits.md")
    assert pacer.BULK_CALL_SECONDS == 1 / 2


@pytest.mark.parametrize(
    ("told", "default"),
    [
        ("once in {} seconds", limits.rate_cache_seconds),
        ("`sender.doubt_seconds` ({})", lambda s: s.sender.doubt_seconds),
        ("`max_attempts` tries ({})", lambda s: s.max_attempts),
        (
            "delivered again {} s after it was received",
            lambda s: limits.sender(s).timeout_seconds + limits.SEND_SLACK_SECONDS,
        ),
    ],
)
def test_a_default_on_the_page_on_limits_is_the_one_in_the_code(
    told: str, default: typing.Callable[[Settings], float]
) -> None:
    settings = Settings(stage="prod", region="us-east-1", identity="example.com")

    assert told.format(f"{default(settings):g}") in prose("limits.md")


def test_every_alarm_stands_on_the_page_on_limits() -> None:
    sources = (ROOT / f"infra/mailbus_cdk/{name}.py" for name in ("constructs/alarms", "mail"))
    text = "".join(source.read_text() for source in sources)
    alarms = set(re.findall(r'self\._alarm\(\s*"(\w+)"', text))
    alarms |= {f"{name}DeadLetters" for name in re.findall(r'"(Send|Tracking|Inbound)"', text)}

    told = {
        name for cells in rows("limits.md", "| alarm | meaning | what to do |") for name in named(cells[0])
    }

    assert told == alarms
    assert len(alarms) >= len(("SendingPaused", "LateJobs", "SendDeadLetters"))


# --- events and settings


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(EmailEvent)])
def test_every_field_of_an_event_stands_on_its_page(field: str) -> None:
    assert f"`{field}`" in page("events.md")


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(InboundEvent)])
def test_every_field_of_received_mail_stands_on_its_page(field: str) -> None:
    assert f'"{field}"' in page("receiving.md")


def test_why_mail_bounces_is_told_as_it_is_reported() -> None:
    told: dict[str, str] = {}
    for cells in rows("events.md", "| `bounce.type` | `bounce.sub_type` | `reject_reason` | |"):
        told |= dict.fromkeys(named(cells[1]), *named(cells[2]))

    assert told.keys() >= BOUNCE_REJECT_REASONS.keys()
    assert told == {sub_type: BOUNCE_REJECT_REASONS.get(sub_type, "bounced") for sub_type in told}


def test_each_type_of_sess_events_has_what_its_id_is_made_of() -> None:
    told = [name for cells in rows("events.md", "| `event_type` | and of |") for name in named(cells[0])]

    assert sorted(told) == sorted(set(get_args(EventType)) - NOT_SESS)


def test_the_dead_letters_of_tracking_name_every_code_of_an_event_at_fault() -> None:
    told = {
        name
        for cells in rows("events.md", "| `Error`, `Code` | what it is | what to do |")
        for name in named(cells[0])
    }
    (classes,) = [cells[1] for cells in rows("events.md", "| attribute | |") if cells[0] == "`Error`"]

    assert told >= ENTRY_AT_FAULT | {TOO_LARGE, NOT_TRIED, NOT_WRITTEN_DOWN}
    assert told >= set(named(classes))
    assert set(named(classes)) == {
        error.__name__ for error in (WiringError, InvalidNotification, PublishError)
    }


@pytest.mark.parametrize(
    "sentence",
    [
        f"{limits.NOTIFICATION_TIMEOUTS} times the function's timeout",
        f"{limits.NOTIFICATION_RECEIVES} times in all",
        f"at most {REASON_CHARACTERS} characters",
        f"at most {_written(CALL_BYTES)} bytes",
        f"may have {ENTRY_BYTES // 1024} KiB",
        f"under `{ESP_EVENTS_PREFIX}`",
        f"kept for {ESP_EVENTS_DAYS} days",
        f"`{VALIDATED}…`",
        f"`{SUBSCRIBED}`",
        f"`{SETUP_MESSAGE_ID}`",
    ],
)
def test_the_page_on_events_has_the_numbers_of_the_code(sentence: str) -> None:
    assert sentence in prose("events.md")


@pytest.mark.parametrize(
    ("told", "default"),
    [
        ("({} in all)", limits.batch_seconds),
        ("`sender.ledger_days` ({})", lambda s: s.sender.ledger_days),
    ],
)
def test_a_default_on_the_page_on_events_is_the_one_in_the_code(
    told: str, default: typing.Callable[[Settings], float]
) -> None:
    settings = Settings(stage="prod", region="us-east-1", identity="example.com")

    assert told.format(f"{default(settings):g}") in prose("events.md")


def test_coming_from_anymail_every_attribute_has_its_field() -> None:
    table = rows("migrating.md", "| Anymail | Mailbus | |")
    of_anymail = {name for cells in table for name in named(cells[0])}
    of_mailbus = {name for cells in table for name in named(cells[1])}

    assert of_anymail == {f"event.{name}" for name in vars(AnymailTrackingEvent(event_type="sent"))}
    assert of_mailbus == {field.name for field in msgspec.structs.fields(EmailEvent)} - NEED_NO_WORD


def test_coming_from_anymail_every_type_of_ses_is_told() -> None:
    heading = "| SES says | Anymail's `event_type` | Mailbus's | what is different |"
    listed = {name: named(cells[2]) for cells in rows("migrating.md", heading) for name in named(cells[0])}

    assert listed == {known.name: list(known.event_types) for known in SES_EVENT_TYPES.values()}


def test_the_page_on_events_has_the_event_types_that_come_from_each_type_of_ses() -> None:
    listed: dict[str, list[str]] = {}
    event_types: list[str] = []
    for cells in rows("events.md", "| event type | source | meaning | `reject_reason` | `description` |"):
        # a row without a type is of the one above
        event_types = named(cells[0]) or event_types
        if cells[1].startswith("SES `"):
            listed |= dict.fromkeys(named(cells[1]), event_types)

    assert listed == {known.name: list(known.event_types) for known in SES_EVENT_TYPES.values()}


def test_coming_from_sess_own_events_every_type_is_told() -> None:
    heading = "| `source` `aws.ses`, `detail-type` | `source` `mailbus`, `detail-type` |"
    told = {name for cells in rows("migrating.md", heading) for name in named(cells[1])}

    assert told == {
        f"{DETAIL_TYPE_PREFIX}{name}" for name in set(get_args(EventType)) - NOT_SESS - {"unknown"}
    }


def test_every_setting_stands_with_its_default() -> None:
    settings = load(ROOT / "mailbus.toml", "prod")
    text = page("deploy.md")
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        if isinstance(value, msgspec.Struct):
            for inner in msgspec.structs.fields(type(value)):
                told = f"`{field.name}.{inner.name}`" in text or f"`.{inner.name}`" in text
                assert told, f"{field.name}.{inner.name}"
        elif field.name != "stage":
            assert f"`{field.name}`" in text, field.name


@pytest.mark.parametrize("name", ["max_attempts", "log_retention_days"])
def test_a_default_on_the_page_is_the_one_in_the_code(name: str) -> None:
    (default,) = re.findall(rf"^\| `{name}` \| ([^|]+) \|", page("deploy.md"), re.MULTILINE)
    field = next(field for field in msgspec.structs.fields(Settings) if field.name == name)
    assert default == str(field.default)


# --- the pages together

PAGES = ["README.md", "CHANGELOG.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as they are made of them."""
    headings = re.findall(
        r"^#{1,6} (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_a_link_to_a_section_finds_it(name: str) -> None:
    path = ROOT / name
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text())
    targets = [(path.parent / link if link else path, anchor) for link, anchor in links]

    missing = [
        f"{target.name}#{anchor}" for target, anchor in targets if anchor not in anchors(target.read_text())
    ]

    assert missing == []


def test_no_two_examples_use_one_job_id_which_would_be_one_job() -> None:
    examples = [
        set(re.findall(r'job_id(?:": |=)"([\w-]+)"', code))
        for name in PAGES
        for code in re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.DOTALL | re.MULTILINE)
    ]
    used = Counter(job_id for ids in examples for job_id in ids)

    assert used
    assert [job_id for job_id, times in used.items() if times > 1] == []


def test_every_page_is_reached_from_the_first() -> None:
    first = (ROOT / "README.md").read_text()
    linked = set(re.findall(r"\]\((docs/[\w.-]+)", first))

    assert {name for name in PAGES if name.startswith("docs/")} <= linked


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_no_page_waits_for_a_figure(path: Path) -> None:
    open_figures = [line for line in path.read_text().splitlines() if "FIGURE(" in line]
    assert open_figures == []
