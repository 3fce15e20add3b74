from __future__ import annotations

import re

import pytest

from mailbus.errors import ConfigurationError
from mailbus_cdk import Guard, Settings


def settings(guard: Guard) -> Settings:
    return Settings(stage="prod", region="us-east-1", identity="example.com", guard=guard)


@pytest.mark.parametrize(
    ("guard", "reason"),
    [
        (Guard(pause_bounce_rate=0.1), "guard.pause_bounce_rate: must be below 0.1, where SES may pause"),
        (
            Guard(pause_complaint_rate=0.005),
            "guard.pause_complaint_rate: must be below 0.005, where SES may pause",
        ),
        (
            Guard(review_bounce_rate=0.075),
            "guard.review_bounce_rate: must be below pause_bounce_rate, which is 0.075 (it is 0.075)",
        ),
        (
            Guard(review_complaint_rate=0.003),
            "guard.review_complaint_rate: must be below pause_complaint_rate, which is 0.002 (it is 0.003)",
        ),
    ],
)
def test_the_guard_rings_before_it_pauses_and_pauses_before_ses_does(guard: Guard, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(reason)):
        settings(guard)


def test_rates_in_percent_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"pause_bounce_rate: must be"):
        Guard(pause_bounce_rate=7.5)


def test_it_is_on_by_default_at_sess_review_lines() -> None:
    guard = settings(Guard()).guard
    assert (guard.enabled, guard.review_bounce_rate, guard.review_complaint_rate) == (True, 0.05, 0.001)
    assert settings(Guard()).guards
    assert not settings(Guard(enabled=False)).guards
