from __future__ import annotations

import typing
from collections import defaultdict
from typing import get_args

import msgspec
import pytest
from anymail.signals import AnymailTrackingEvent  # type: ignore[import-untyped] # it has no types

from mailbus.aws.dead_letters import REASON_CHARACTERS
from mailbus.aws.event_bus import CALL_BYTES
from mailbus.environment import ENTRY_BYTES
from mailbus.events import DETAIL_TYPE_PREFIX, EmailEvent, EventType, InboundEvent, LaneEvent
from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_cdk import limits
from mailbus_cdk.constructs.buckets import ESP_EVENTS_DAYS, ESP_EVENTS_PREFIX
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.doubt import REDELIVERY_SECONDS
from tests.unit.docs.pages import _written, named, page, prose, rows
from tracking import batch
from tracking.event_details import BOUNCE_REJECT_REASONS
from tracking.normalize import SETUP_MESSAGE_ID, SUBSCRIBED, VALIDATED
from tracking.tracker import RETRY_SECONDS

PAGES = ("events.md", "subscribing.md", "troubleshooting.md")
# received mail has ids of its own
NOT_SESS = {"queued", "inbound", "inbound_failed"}


NEED_NO_WORD = {"schema_version", "esp_name"}


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(EmailEvent)])
def test_every_field_of_an_event_is_on_its_page(field: str) -> None:
    assert f"`{field}`" in page("events.md")


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(InboundEvent)])
def test_every_field_of_received_mail_is_on_its_page(field: str) -> None:
    assert f'"{field}"' in page("received-mail.md")


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(LaneEvent)])
def test_every_field_of_an_event_of_a_lane_is_on_the_page_on_the_guard(field: str) -> None:
    assert f"`{field}`" in page("guard.md")


def test_the_table_of_bounces_has_the_reasons_of_the_code() -> None:
    documented: dict[str, str] = {}
    for cells in rows("events.md", "| `bounce.type` | `bounce.sub_type` | `reject_reason` | |"):
        documented |= dict.fromkeys(named(cells[1]), *named(cells[2]))

    assert documented.keys() >= BOUNCE_REJECT_REASONS.keys()
    assert documented == {sub_type: BOUNCE_REJECT_REASONS.get(sub_type, "bounced") for sub_type in documented}


def test_each_type_of_sess_events_has_what_its_id_is_made_of() -> None:
    documented = [
        name for cells in rows("events.md", "| `event_type` | and of |") for name in named(cells[0])
    ]

    assert sorted(documented) == sorted(set(get_args(EventType)) - NOT_SESS)


@pytest.mark.parametrize(
    "sentence",
    [
        f"after {batch.FIRST_DELAY_SECONDS:.0f} s, then after delays",
        f"that double up to {batch.LONGEST_DELAY_SECONDS:.0f} s",
        f"for {RETRY_SECONDS // 60} minutes and {limits.REPORT_RETRIES} deliveries at least",
        f"delivered again after {REDELIVERY_SECONDS} s, {limits.REPORT_RECEIVES} times in all",
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
    assert sentence in prose(*PAGES)


@pytest.mark.parametrize(
    ("documented", "default"),
    [
        ("({} in all)", limits.batch_seconds),
        ("`sender.ledger_days` ({})", lambda s: s.sender.ledger_days),
    ],
)
def test_a_default_on_the_page_on_events_is_the_one_in_the_code(
    documented: str, default: typing.Callable[[Settings], float]
) -> None:
    settings = Settings(stage="prod", region="us-east-1", identity="example.com")

    assert documented.format(f"{default(settings):g}") in prose(
        "events.md", "subscribing.md", "troubleshooting.md"
    )


def test_every_attribute_of_anymail_has_its_field_on_the_page_on_migrating() -> None:
    table = rows("migrating.md", "| Anymail | Mailbus | |")
    of_anymail = {name for cells in table for name in named(cells[0])}
    of_mailbus = {name for cells in table for name in named(cells[1])}

    assert of_anymail == {f"event.{name}" for name in vars(AnymailTrackingEvent(event_type="sent"))}
    assert of_mailbus == {field.name for field in msgspec.structs.fields(EmailEvent)} - NEED_NO_WORD


def test_every_event_type_of_ses_is_on_the_page_on_migrating_from_anymail() -> None:
    heading = "| SES says | Anymail's `event_type` | Mailbus's | what is different |"
    listed = {name: named(cells[2]) for cells in rows("migrating.md", heading) for name in named(cells[0])}

    assert listed == {known.name: list(known.event_types) for known in SES_EVENT_TYPES.values()}


def test_the_page_on_events_has_the_event_types_that_come_from_each_type_of_ses() -> None:
    listed: dict[str, list[str]] = defaultdict(list)
    event_types: list[str] = []
    for cells in rows("events.md", "| event type | source | meaning | `reject_reason` | `description` |"):
        # a row without a type is of the one above
        event_types = named(cells[0]) or event_types
        if cells[1].startswith("SES `"):
            for name in named(cells[1]):
                listed[name] += event_types

    assert listed == {known.name: list(known.event_types) for known in SES_EVENT_TYPES.values()}


def test_every_event_type_of_ses_is_on_the_page_on_migrating_from_ses() -> None:
    heading = "| `source` `aws.ses`, `detail-type` | `source` `mailbus`, `detail-type` |"
    documented = {name for cells in rows("migrating.md", heading) for name in named(cells[1])}

    assert documented == {
        f"{DETAIL_TYPE_PREFIX}{name}" for name in set(get_args(EventType)) - NOT_SESS - {"unknown"}
    }
