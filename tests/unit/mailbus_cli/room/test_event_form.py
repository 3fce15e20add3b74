from __future__ import annotations

import msgspec
import pytest

from mailbus_cli.room.event_form import event_form
from mailbus_cli.room.sent_mail import SentMail
from mailbus_cli.room.simulator import Message
from tests.unit.mailbus_cli.room.content.mails import html_mail
from tests.unit.mailbus_cli.room.mails import timeline_event, timeline_mail

MAIL = timeline_mail(timeline_event("queued"), timeline_event("delivered", 1))
MESSAGE = Message(
    message_id="0100-1",
    accepted_at=0.0,
    recipients=("amy@example.net", "jane@EXAMPLE.net"),
    configuration_set=None,
    overrides={},
    tags={},
    raw=html_mail('<a href="https://x.example/">x</a> <a href="mailto:a@x.example">y</a>'),
)
SENT = SentMail(id="0100-1", mails=(MAIL,), selected=MAIL, message=MESSAGE)


def test_the_form_is_for_the_recipient_whose_mail_is_shown() -> None:
    form = event_form(SENT, chosen="bounce")
    assert form is not None
    assert (form.recipient, form.status.label, form.chosen) == ("jane@EXAMPLE.net", "delivered", "bounce")
    assert form.links == ("https://x.example/",)


def test_each_kind_leads_to_what_it_would_do() -> None:
    form = event_form(SENT)
    assert form is not None
    bounce = next(each for each in form.events if each.choice.key == "bounce")
    said = {kind.option.key: bounce.outcomes[kind.outcome].label for kind in bounce.kinds}
    assert said["permanent-general"] == said["transient-mailboxfull"] == "bounced late"
    assert said["reply"] == "delivered"
    # those that do the same have the same sentence
    assert len(bounce.outcomes) == len(set(bounce.outcomes)) == 3


@pytest.mark.parametrize("chosen", [None, "", "x"])
def test_an_event_is_chosen_at_first_in_any_case(chosen: str | None) -> None:
    form = event_form(SENT, chosen=chosen)
    assert form is not None
    assert form.chosen == "open"


def test_a_mail_without_a_timeline_has_a_form_and_one_that_is_not_here_has_none() -> None:
    alone = event_form(msgspec.structs.replace(SENT, mails=(), selected=None))
    assert alone is not None
    assert (alone.recipient, alone.status.label) == ("amy@example.net", "none")
    assert event_form(msgspec.structs.replace(SENT, message=None)) is None
