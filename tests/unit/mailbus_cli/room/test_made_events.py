from __future__ import annotations

import msgspec
import pytest

from mailbus_cli.room.made_events import CHOICES, request_of
from mailbus_local.ses.control import parse_event


@pytest.mark.parametrize(
    ("event", "option"),
    [(choice.key, option.key) for choice in CHOICES for option in choice.options]
    + [(choice.key, "") for choice in CHOICES],
)
def test_the_simulated_ses_takes_each_event_of_the_form(event: str, option: str) -> None:
    form = {"event": f"{event}.{option}", "recipient": "a@example.net", "link": "https://x.example/"}
    request = parse_event(msgspec.json.encode(request_of(form)))
    assert request.recipient == "a@example.net"


def test_a_click_is_of_the_link_and_a_bounce_is_not() -> None:
    form = {"event": "click", "link": "https://x.example/pay"}
    assert request_of(form) == {
        "event_type": "Click",
        "is_bot_event": "Unlikely",
        "link": "https://x.example/pay",
    }
    assert "link" not in (request_of(form | {"event": "bounce"}) or {})


def test_an_option_that_does_not_exist_is_the_usual_one() -> None:
    assert request_of({"event": "open.x"}) == {"event_type": "Open", "is_bot_event": "Unlikely"}


@pytest.mark.parametrize("event", ["", "Open", "delete", ".", ".open"])
def test_an_event_that_does_not_exist_is_none(event: str) -> None:
    assert request_of({"event": event}) is None
