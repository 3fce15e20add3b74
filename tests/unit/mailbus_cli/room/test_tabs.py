from __future__ import annotations

import pytest

from mailbus_cli.room.content.mail import read
from mailbus_cli.room.tabs import tabs
from tests.unit.mailbus_cli.room.content.mails import HEADER, html_mail, with_picture

TEXT = HEADER + b"Subject: x\r\n\r\nHello https://x.example/\r\n"


def test_tabs_are_counted() -> None:
    found = tabs(read(with_picture('<a href="#"><img src="cid:logo"></a>')), "", is_received=False)
    assert [(tab.key, tab.count) for tab in found.listed] == [
        ("html", None),
        ("text", None),
        ("headers", 5),
        ("attachments", 2),
        ("links", 1),
        ("checks", len(found.checks)),
        ("source", None),
    ]
    assert found.checks


def test_a_received_mail_has_its_event_and_no_checks() -> None:
    found = tabs(read(html_mail('<a href="#">x</a>')), "event", is_received=True)
    assert (found.shown, found.checks) == ("event", ())
    assert "event" in {tab.key for tab in found.listed}


@pytest.mark.parametrize(
    ("raw", "wanted", "shown"),
    [
        (TEXT, "", "text"),
        (TEXT, "nonsense", "text"),
        (TEXT, "html", "html"),
        (html_mail("x"), "", "html"),
        (html_mail("x"), "links", "links"),
        (html_mail("x"), "event", "html"),
    ],
)
def test_the_first_tab_is_of_the_best_body(raw: bytes, wanted: str, shown: str) -> None:
    assert tabs(read(raw), wanted, is_received=False).shown == shown
