from __future__ import annotations

import json
from datetime import timedelta
from itertools import permutations

import pytest

from mailbus_cli.room.timeline_view import clock, entries, offset
from tests.unit.mailbus_cli.room.mails import BOUNCE, START, timeline_event

JOURNEY = (
    timeline_event("queued"),
    timeline_event("sent", 0.472),
    timeline_event("bounced", 0.54, **BOUNCE),
)


def test_the_timeline_is_newest_first_with_what_to_do() -> None:
    bounced, sent, queued = entries(JOURNEY)
    assert [entry.name for entry in (bounced, sent, queued)] == ["bounced", "sent", "queued"]
    assert bounced.explanation.advice
    assert bounced.explanation.server == "550 5.1.1 user unknown"
    assert bounced.detail == "Permanent: General · reject_reason bounced"
    assert (bounced.tone, bounced.glyph) == ("red", "return")


def test_offsets_are_from_queued_and_not_where_ses_gives_whole_seconds() -> None:
    # 14:31:58.000
    bounced, sent, queued = entries(JOURNEY)
    assert (bounced.offset, sent.offset, queued.offset) == ("+0.54 s", None, "0 s")


def test_any_order_and_any_duplication_give_the_same_timeline() -> None:
    expected = entries(JOURNEY)
    assert all(entries((*order, *JOURNEY)) == expected for order in permutations(JOURNEY))


def test_what_came_late_changed_nothing_and_says_so() -> None:
    late, delivered, _ = entries(
        (JOURNEY[0], timeline_event("delivered", 1), timeline_event("deferred", 40.5))
    )
    assert late.note == "It came after “delivered”; the status did not change."
    assert delivered.note is None


def test_acceptance_comes_first_whatever_the_clocks_say() -> None:
    bounced = timeline_event("bounced", -0.01, **BOUNCE)
    found = entries((bounced, *JOURNEY[:2]))
    assert [(entry.name, entry.note) for entry in found] == [
        ("bounced", None),
        ("sent", None),
        ("queued", None),
    ]
    assert found[0].offset == "0 s"


def test_the_json_is_what_a_consumer_gets_and_patterns_match_it() -> None:
    entry = entries(JOURNEY)[0]
    assert json.loads(entry.json) == JOURNEY[2].entry
    assert all(pattern.matches(JOURNEY[2].entry) for pattern in entry.patterns)


def test_an_event_of_a_newer_version_is_shown_with_its_json() -> None:
    event = timeline_event("teleported", 1.5)
    (entry,) = entries([event])
    assert entry.name in {"teleported", "unknown"}
    assert "teleported" in entry.json
    assert entry.explanation.sentence


def test_events_before_queued_have_a_negative_offset() -> None:
    deferred = timeline_event("deferred", -60.6)
    assert entries((*JOURNEY, deferred))[1].offset == "\N{MINUS SIGN}1 min 1 s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.04, "+0.04 s"),
        (59.96, "+60.0 s"),
        (12.34, "+12.3 s"),
        (388, "+6 min 28 s"),
        (3600, "+1 h 0 min"),
        (90_000, "+1 d 1 h"),
    ],
)
def test_offsets_are_short(seconds: float, text: str) -> None:
    assert offset(START + timedelta(seconds=seconds), START) == text


@pytest.mark.parametrize(
    ("days", "text"), [(0, "14:31:57.528"), (1, "28 Nov 14:31:57.528"), (365, "28 Nov 2026 14:31:57.528")]
)
def test_a_time_names_its_day_if_it_is_not_today(days: int, text: str) -> None:
    assert clock(START, START + timedelta(days=days), utc=True) == text


def test_a_time_of_whole_seconds_has_no_fraction() -> None:
    assert clock(START.replace(microsecond=0), START, utc=True) == "14:31:57"
