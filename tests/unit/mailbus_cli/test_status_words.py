from __future__ import annotations

from typing import get_args

import pytest

from mailbus.timeline.status import PROBLEMS, STATUSES
from mailbus_cli.status_words import (
    CHIPS,
    GROUPS,
    STATUS_WORDS,
    AnyStatus,
    LedgerStatus,
    by_status,
    label_of,
    outcome,
)


def test_every_status_has_words_and_is_in_one_group_of_the_outcome() -> None:
    assert set(STATUS_WORDS) == {*STATUSES, *get_args(LedgerStatus)}
    assert sorted(status for group in GROUPS for status in group.statuses) == sorted(STATUS_WORDS)


def test_what_is_a_problem_has_attention_and_a_tone_of_its_own() -> None:
    for status, words in STATUS_WORDS.items():
        assert words.attention == (words.tone in {"amber", "red", "magenta"})
        assert words.attention or status not in PROBLEMS


def test_every_status_is_found_by_a_chip() -> None:
    named = {status for chip in CHIPS if chip.key != "problems" for status in chip.statuses}
    assert named == set(STATUS_WORDS)
    assert len({chip.key for chip in CHIPS}) == len(CHIPS)
    assert CHIPS[0].statuses == frozenset()


def test_what_was_not_sent_is_shown_by_its_event() -> None:
    assert [label_of("not_sent", "failed"), label_of("not_sent"), label_of("bounced_late", "bounced")] == [
        "failed",
        "not sent",
        "bounced late",
    ]


@pytest.mark.parametrize(
    ("statuses", "sentence"),
    [
        (
            ["bounced", "bounced_late", *["deferred"] * 3, "sent", *["delivered"] * 31, *["opened"] * 13],
            "2 of 50 bounced, 3 are deferred, 1 is on its way, 44 arrived.",
        ),
        (["delivered", "clicked"], "All 2 arrived."),
        (["bounced", "bounced"], "All 2 bounced."),
        (["sent"], "It is on its way."),
        (["not_sent", "rejected", "failed"], "1 of 3 failed, 1 was rejected, 1 was not sent."),
        (["queued"] * 12_000 + ["complained"], "1 of 12,001 complained, 12,000 are on their way."),
        ([], "There are no recipients."),
    ],
)
def test_the_outcome_counts_recipients_problems_first(statuses: list[AnyStatus], sentence: str) -> None:
    assert outcome(statuses) == sentence


def test_counts_are_by_status_problems_first() -> None:
    assert by_status(["delivered", "bounced", "opened", "delivered"]) == {
        "bounced": 1,
        "delivered": 2,
        "opened": 1,
    }
    assert list(by_status(["delivered", "bounced", "opened"])) == ["bounced", "delivered", "opened"]
