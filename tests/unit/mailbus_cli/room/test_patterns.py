from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus_cli.room.patterns import patterns

BOUNCED: dict[str, Any] = {
    "source": "mailbus",
    "detail-type": "email.bounced",
    "detail": {
        "event_type": "bounced",
        "job_id": "invoice-1",
        "tags": ["invoice"],
        "reject_reason": "bounced",
        "bounce": {"type": "Permanent", "sub_type": "General"},
    },
}


def test_a_bounce_has_patterns_of_its_kind_its_type_its_job_and_its_tag() -> None:
    made = {pattern.name: pattern.pattern for pattern in patterns(BOUNCED)}
    base = {"source": ["mailbus"]}
    of_type = {**base, "detail-type": ["email.bounced"]}
    assert made == {
        "Like this": {**of_type, "detail": {"reject_reason": ["bounced"], "bounce": {"type": ["Permanent"]}}},
        "Bounced": of_type,
        "This job": {**base, "detail": {"job_id": ["invoice-1"]}},
        "Tag invoice": {**base, "detail": {"tags": ["invoice"]}},
    }


def test_each_pattern_matches_its_event_and_is_json() -> None:
    assert all(pattern.matches(BOUNCED) for pattern in patterns(BOUNCED))
    assert all(json.loads(pattern.text) == pattern.pattern for pattern in patterns(BOUNCED))


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"bounce": {"type": "Transient"}}, ["Bounced", "This job", "Tag invoice"]),
        ({"bounce": None}, ["Bounced", "This job", "Tag invoice"]),
        ({"job_id": "other"}, ["Like this", "Bounced", "Tag invoice"]),
        ({"tags": ["a", "b"]}, ["Like this", "Bounced", "This job"]),
    ],
)
def test_another_event_is_matched_by_what_it_has_in_common(change: dict[str, Any], kept: list[str]) -> None:
    other = {**BOUNCED, "detail": {**BOUNCED["detail"], **change}}
    assert [pattern.name for pattern in patterns(BOUNCED) if pattern.matches(other)] == kept


def test_an_event_without_details_has_the_pattern_of_its_type() -> None:
    entry = {"source": "mailbus", "detail-type": "email.sent", "detail": {"event_type": "sent"}}
    assert [pattern.name for pattern in patterns(entry)] == ["Sent"]
    assert patterns({})[0].pattern == {"source": ["mailbus"], "detail-type": ["email.unknown"]}
