from __future__ import annotations

from mailbus_local.ses.scanning import EICAR
from tests.unit.mailbus_local.simulated_ses import RAW, SesEnvironment


def test_mail_from_an_unverified_identity_is_rejected_with_its_address(env: SesEnvironment) -> None:
    assert env.send_error(FromEmailAddress="mallory@elsewhere.example") == (
        "MessageRejected",
        (
            "Email address is not verified. The following identities failed the check in region "
            "US-EAST-1: mallory@elsewhere.example"
        ),
    )


def test_a_domain_identity_covers_its_subdomains(env: SesEnvironment) -> None:
    raw = RAW.replace(b"shop@example.com", b"shop@mail.example.com")
    assert env.message(env.send_raw(raw))["from"] == "Shop <shop@mail.example.com>"


def test_the_from_header_of_a_raw_message_is_checked_too(env: SesEnvironment) -> None:
    raw = RAW.replace(b"shop@example.com", b"ceo@bank.example")
    code, text = env.send_error(Content={"Raw": {"Data": raw}})
    assert code == "MessageRejected"
    assert "ceo@bank.example" in text


def test_in_the_sandbox_all_recipients_but_the_mailbox_simulators_need_verification(
    env: SesEnvironment,
) -> None:
    env.http.put("/account", json={"production_access": False})
    assert env.send("success@simulator.amazonses.com", "colleague@example.com")
    code, text = env.send_error()
    assert (code, text.rpartition(": ")[2]) == ("MessageRejected", "alice@customer.example")


def test_an_unknown_configuration_set_is_not_found(env: SesEnvironment) -> None:
    assert env.send_error(ConfigurationSetName="nowhere") == (
        "NotFoundException",
        "Configuration set <nowhere> does not exist.",
    )


def test_a_paused_configuration_set_sends_nothing(env: SesEnvironment) -> None:
    env.sesv2.put_configuration_set_sending_options(
        ConfigurationSetName=env.configuration_set, SendingEnabled=False
    )
    code, _ = env.send_error(ConfigurationSetName=env.configuration_set)
    assert code == "SendingPausedException"


def test_a_paused_account_sends_nothing(env: SesEnvironment) -> None:
    env.http.put("/account", json={"sending_enabled": False})
    assert env.send_error()[0] == "SendingPausedException"
    env.sesv2.put_account_sending_attributes(SendingEnabled=True)
    assert env.send("alice@customer.example")


def test_sending_faster_than_the_rate_is_throttled_per_recipient(env: SesEnvironment) -> None:
    env.http.put("/account", json={"max_send_rate": 0.001})
    before = env.http.get("/account").json()
    assert env.send("alice@customer.example")
    assert env.send_error() == ("TooManyRequestsException", "Maximum sending rate exceeded.")
    after = env.http.get("/account").json()
    assert after["throttled"] == before["throttled"] + 1
    assert after["accepted"] == before["accepted"] + 1


def test_the_daily_quota_counts_recipients_but_not_the_mailbox_simulator(env: SesEnvironment) -> None:
    env.http.put("/account", json={"max_24_hour_send": 2})
    assert env.send("alice@customer.example", "bob@customer.example")
    assert env.send_error() == ("LimitExceededException", "Daily message quota exceeded.")
    assert env.send("success@simulator.amazonses.com")


def test_a_message_has_a_send_event_and_a_delivery_for_each_recipient(env: SesEnvironment) -> None:
    env.publish_events("SEND", "DELIVERY", "BOUNCE")
    message_id = env.send("alice@customer.example", "bob@customer.example", tags=(("job", "order-4711"),))
    sent, to_alice, to_bob = env.events(3)
    assert sent["send"] == {}
    assert sent["mail"]["messageId"] == message_id
    assert sent["mail"]["source"] == "Shop <shop@example.com>"
    assert sent["mail"]["sourceArn"] == "arn:aws:ses:us-east-1:000000000000:identity/example.com"
    assert sent["mail"]["destination"] == ["alice@customer.example", "bob@customer.example"]
    assert sent["mail"]["headersTruncated"] is False
    assert {"name": "Subject", "value": "Your order"} in sent["mail"]["headers"]
    assert sent["mail"]["commonHeaders"]["subject"] == "Your order"
    assert sent["mail"]["tags"]["job"] == ["order-4711"]
    assert sent["mail"]["tags"]["ses:configuration-set"] == [env.configuration_set]
    assert sent["mail"]["tags"]["ses:from-domain"] == ["example.com"]
    assert sent["mail"]["tags"]["ses:caller-identity"] == ["test"]
    assert [event["delivery"]["recipients"] for event in (to_alice, to_bob)] == [
        ["alice@customer.example"],
        ["bob@customer.example"],
    ]
    assert "ses:outgoing-ip" in to_alice["mail"]["tags"]


def test_the_mailbox_simulator_bounces_complains_and_suppresses(env: SesEnvironment) -> None:
    env.publish_events("DELIVERY", "BOUNCE", "COMPLAINT")
    env.send(
        "ooto@simulator.amazonses.com",
        "bounce+a@simulator.amazonses.com",
        "bounce+b@simulator.amazonses.com",
        "suppressionlist@simulator.amazonses.com",
        "complaint@simulator.amazonses.com",
    )
    first, second, bounce, suppressed, reply, complaint = env.events(6)
    assert first["delivery"]["recipients"] == ["ooto@simulator.amazonses.com"]
    assert second["delivery"]["recipients"] == ["complaint@simulator.amazonses.com"]
    assert (bounce["bounce"]["bounceType"], bounce["bounce"]["bounceSubType"]) == ("Permanent", "General")
    assert [r["emailAddress"] for r in bounce["bounce"]["bouncedRecipients"]] == [
        "bounce+a@simulator.amazonses.com",
        "bounce+b@simulator.amazonses.com",
    ]
    assert bounce["bounce"]["bouncedRecipients"][0]["diagnosticCode"] == "smtp; 550 5.1.1 user unknown"
    assert suppressed["bounce"]["bounceSubType"] == "Suppressed"
    assert {**reply["bounce"], "feedbackId": "", "timestamp": ""} == {
        "bounceType": "Transient",
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": "ooto@simulator.amazonses.com"}],
        "feedbackId": "",
        "timestamp": "",
    }
    assert complaint["complaint"]["complaintFeedbackType"] == "abuse"
    assert complaint["complaint"]["complainedRecipients"] == [
        {"emailAddress": "complaint@simulator.amazonses.com"}
    ]


def test_a_virus_is_accepted_and_then_rejected(env: SesEnvironment) -> None:
    env.publish_events("DELIVERY", "REJECT")
    env.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={
            "Simple": {
                "Subject": {"Data": "Sample"},
                "Body": {"Text": {"Data": "See the file"}},
                "Attachments": [
                    {"FileName": "sample.txt", "RawContent": EICAR, "ContentTransferEncoding": "BASE64"}
                ],
            }
        },
        ConfigurationSetName=env.configuration_set,
    )
    (event,) = env.events(1)
    assert (event["eventType"], event["reject"]) == ("Reject", {"reason": "Bad content"})
