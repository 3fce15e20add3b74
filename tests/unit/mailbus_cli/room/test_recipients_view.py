from __future__ import annotations

from mailbus_cli.room.recipients_view import recipients
from tests.unit.mailbus_cli.room.mails import BOUNCE, timeline_event, timeline_mail

DELIVERED = [
    timeline_mail(timeline_event("delivered", 1, recipient=f"{name}@example.net"))
    for name in ("zoe", "amy", "kim")
]
BOUNCED = timeline_mail(timeline_event("bounced", 2, recipient="gone@example.net", **BOUNCE))


def test_problems_come_first_then_addresses_in_order() -> None:
    found = recipients([*DELIVERED, BOUNCED])
    assert [each.address for each in found.listed] == [
        "gone@example.net",
        "amy@example.net",
        "kim@example.net",
        "zoe@example.net",
    ]
    assert found.problems == ("gone@example.net",)
    assert found.sentence == "1 of 4 bounced, 3 arrived."


def test_the_bar_has_a_segment_for_each_status() -> None:
    found = recipients([*DELIVERED, BOUNCED])
    assert [(each.label, each.count, each.percent) for each in found.segments] == [
        ("Bounced", 1, 25.0),
        ("Delivered", 3, 75.0),
    ]


def test_a_mail_without_a_recipient_is_listed_too() -> None:
    mail = timeline_mail(timeline_event("failed", 1, recipient="", error_code="InvalidJob"))
    assert len(recipients([mail]).listed) == 1
