from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.system import System

ODD = b"""\
From lena@example.org Fri Nov 27 09:04:05 2026
From: Okafor, Ngozi <ngozi@example.org>
To: =?UTF-8?Q?Caf=C3=A9;_Nord?= <support@inbound.example.com>, Lena lena@example.net
Subject: =?iso-8859-1?Q?It=92s_=80_3?=
Date: Fri, 27 Nov 2026 09:04:05 PM GMT+0200
Content-Type: multipart/mixed; boundary=odd

--odd
Content-Type: multipart/alternative; boundary=odd

--odd
Content-Type: text/plain; charset=iso-2022-jp

\x1b$B-!\x1b(B
--odd--
--odd
Content-Type: application/pdf;
name="offer.pdf"
Content-Disposition: inline

%PDF-1.4
--odd
Content-Type: text/calendar; charset=utf-8; method=CANCEL
Content-Disposition: attachment

BEGIN:VCALENDAR
--odd--
"""


def test_a_mail_that_breaks_the_rules_is_read_as_it_is_meant(system: System) -> None:
    message_id = system.receive(ODD)

    (event,) = system.wait(1, message_id=message_id)
    message = event["message"]

    assert message["from_email"] == [{"name": "Okafor, Ngozi", "address": "ngozi@example.org"}]
    assert message["to"] == [
        {"name": "Café; Nord", "address": "support@inbound.example.com"},
        {"name": "Lena", "address": "lena@example.net"},
    ]
    assert "support@inbound.example.com" in message["recipients"]
    assert (message["subject"], message["text"]) == ("It\u2019s € 3", "①")
    assert message["date"] == "2026-11-27T19:04:05Z"
    assert [(part["filename"], part["method"], part["disposition"]) for part in message["attachments"]] == [
        ("offer.pdf", None, "inline"),
        (None, "CANCEL", "attachment"),
    ]
    assert message["inlines"] == []
    assert message["defects"] == ["bad_header"]
