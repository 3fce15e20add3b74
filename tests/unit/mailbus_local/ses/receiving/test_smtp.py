from __future__ import annotations

import smtplib

import pytest

from tests.unit.mailbus_local.simulated_ses import MAIL, InboundEnvironment


def test_mail_is_received_by_smtp(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"])
    with smtplib.SMTP("127.0.0.1", inbound.env.simulator.smtp_port) as door:
        door.ehlo()
        assert door.esmtp_features["size"] == str(40 * 1024 * 1024)
        refused = door.sendmail(
            "bounces@sender.example", ["support@inbound.example.com", "nobody@elsewhere.example"], MAIL
        )
    assert refused["nobody@elsewhere.example"][0] == 550
    notification = inbound.notification()
    assert notification["receipt"]["recipients"] == ["support@inbound.example.com"]
    assert inbound.stored(notification["receipt"]["action"]["objectKey"]).endswith(b"\r\n" + MAIL)


def test_smtp_returns_the_reply_of_a_bounce_action(inbound: InboundEnvironment) -> None:
    bounce = {"SmtpReplyCode": "550", "StatusCode": "5.7.1", "Message": "No", "Sender": "no@example.com"}
    inbound.add_rule({"BounceAction": bounce}, Recipients=["inbound.example.com"])
    with (
        smtplib.SMTP("127.0.0.1", inbound.env.simulator.smtp_port) as door,
        pytest.raises(smtplib.SMTPDataError) as caught,
    ):
        door.sendmail("bounces@sender.example", ["support@inbound.example.com"], MAIL)
    assert (caught.value.smtp_code, caught.value.smtp_error) == (550, b"5.7.1 No")
