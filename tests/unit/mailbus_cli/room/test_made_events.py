from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus.timeline.status import STATUSES, TABLE, Status, kind_of
from mailbus_cli.room.made_events import CHOICES, Choice, Option, curl, outcomes, request_of
from mailbus_cli.status_words import STATUS_WORDS
from mailbus_local.ses.control import HARD_BOUNCES, parse_event
from mailbus_local.ses.events.build import build_event
from mailbus_local.ses.events.shapes import to_json_values
from tests.unit.mailbus_local.ses.events.test_build import ORIGIN, sent
from tests.unit.tracking.notifications import events

if TYPE_CHECKING:
    from mailbus.events import EmailEvent

ALONE = ("alice@customer.example",)
LISTED = " Its address goes on the suppression list: SES then sends it nothing."
BOTH = (*ALONE, "bob@customer.example")
KINDS = [
    pytest.param(choice, option, id=f"{choice.key}-{option.key if option else ''}")
    for choice in CHOICES
    for option in choice.options or (None,)
]


def form(choice: Choice, option: Option | None, **more: str) -> dict[str, str]:
    kind = {f"kind-{choice.key}": option.key} if option else {}
    return {"event": choice.key, "recipient": ALONE[0], **kind, **more}


def tracked(choice: Choice, option: Option | None, recipients: tuple[str, ...]) -> EmailEvent:
    """Return what the tracking function makes of an event, for its recipient."""
    request = parse_event(msgspec.json.encode(request_of(form(choice, option))))
    found = events(to_json_values(build_event(sent(recipients=recipients), ORIGIN, 1_700_000_000.0, request)))
    return next(event for event in found if event.recipient in {*ALONE, None})


@pytest.mark.parametrize("recipients", [ALONE, BOTH], ids=["one", "two"])
@pytest.mark.parametrize(("choice", "option"), KINDS)
def test_the_page_says_what_the_timeline_makes_of_it(
    choice: Choice, option: Option | None, recipients: tuple[str, ...]
) -> None:
    kind = kind_of(tracked(choice, option, recipients))
    assert kind is not None
    place = 0 if option is None else choice.options.index(option)
    for status in STATUSES:
        said = outcomes(choice, status, recipients)[place]
        assert said.label == STATUS_WORDS[TABLE[status][kind]].label


@pytest.mark.parametrize(
    ("event", "status", "recipients", "sentence"),
    [
        (
            "bounce",
            "delivered",
            ("success@simulator.amazonses.com",),
            "It is delivered already: its status becomes bounced late.",
        ),
        (
            "bounce",
            "sent",
            ALONE,
            f"It is sent: its status becomes bounced.{LISTED}",
        ),
        ("delivery", "opened", ALONE, "Its status stays opened, which counts for more than this event."),
        ("subscription", "opened", ALONE, "Its status stays opened: the event is noted on its timeline."),
        ("open", "sent", BOTH, "Its status stays sent: SES does not say which recipient it was."),
        ("delivery", "none", ALONE, "It is not known yet: its status becomes delivered."),
    ],
)
def test_the_sentence_of_what_an_event_would_do(
    event: str, status: Status, recipients: tuple[str, ...], sentence: str
) -> None:
    choice = next(each for each in CHOICES if each.key == event)
    said = outcomes(choice, status, recipients)[0]
    assert f"{said.lead}{said.label}{said.rest}" == sentence


def test_only_what_ses_suppresses_is_said_to_be() -> None:
    bounce = next(choice for choice in CHOICES if choice.key == "bounce")
    kinds = {
        (option.request["bounce_type"], option.request.get("bounce_sub_type"))
        for option in bounce.options
        if option.suppresses
    }
    assert kinds == set(HARD_BOUNCES)
    complaint = next(choice for choice in CHOICES if choice.key == "complaint")
    for option in complaint.options:
        assert option.suppresses == (option.request.get("complaint_sub_type") is None)


def test_a_click_is_of_the_link_and_a_bounce_is_not() -> None:
    given = {"event": "click", "link": "https://x.example/pay"}
    assert request_of(given) == {
        "event_type": "Click",
        "is_bot_event": "Unlikely",
        "link": "https://x.example/pay",
    }
    assert "link" not in (request_of(given | {"event": "bounce"}) or {})


@pytest.mark.parametrize(
    ("event", "answer", "fields"),
    [
        (
            "bounce",
            "554 5.7.1 blocked by Spamhaus",
            {"diagnostic_code": "smtp; 554 5.7.1 blocked by Spamhaus", "status": "5.7.1"},
        ),
        ("bounce", "", {"diagnostic_code": "smtp; 550 5.1.1 user unknown", "status": "5.1.1"}),
        ("bounce", "No such user", {"diagnostic_code": "No such user"}),
        (
            "delay",
            "451 4.7.1 greylisted",
            {"diagnostic_code": "smtp; 451 4.7.1 greylisted", "status": "4.7.1"},
        ),
        ("delivery", "250 2.6.0 queued", {"smtp_response": "250 2.6.0 queued"}),
        ("delivery", "", {"smtp_response": "250 2.0.0 OK"}),
    ],
)
def test_the_servers_answer_is_the_one_that_was_written(
    event: str, answer: str, fields: dict[str, str]
) -> None:
    request = request_of({"event": event, f"answer-{event}": answer, "answer-open": "no"})
    assert request is not None
    found = {name: request.get(name) for name in ("diagnostic_code", "status", "smtp_response")}
    assert {name: value for name, value in found.items() if value} == fields


def test_an_automatic_reply_has_no_answer_of_a_server() -> None:
    given = {"event": "bounce", "kind-bounce": "reply", "answer-bounce": "550 5.1.1 x"}
    assert request_of(given) == {"event_type": "Bounce", "bounce_type": "Transient", "with_report": False}


def test_a_kind_that_does_not_exist_is_the_usual_one() -> None:
    assert request_of({"event": "open", "kind-open": "x"}) == {
        "event_type": "Open",
        "is_bot_event": "Unlikely",
    }


@pytest.mark.parametrize("event", ["", "Open", "delete", ".", ".open"])
def test_an_event_that_does_not_exist_is_none(event: str) -> None:
    assert request_of({"event": event}) is None


def test_the_command_makes_the_same_event() -> None:
    request = request_of({"event": "click", "link": "https://x.example/it's?a=1&b=$HOME"})
    assert request is not None
    command, option, body, url = shlex.split(curl("http://127.0.0.1:1/_simulator", "0100-1", request))
    assert (command, option, url) == ("curl", "-d", "http://127.0.0.1:1/_simulator/events/0100-1")
    assert json.loads(body) == request
