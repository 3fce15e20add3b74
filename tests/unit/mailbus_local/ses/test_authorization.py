from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from mailbus_local.denials import Denial, read
from mailbus_local.ses.server import SimulatedSes, SimulatorSettings
from tests.unit.mailbus_local.role_sessions import RoleSession, allow
from tests.unit.mailbus_local.simulated_ses import ACCOUNT, RAW, REGION, SesEnvironment

if TYPE_CHECKING:
    from pathlib import Path

SES = f"arn:aws:ses:{REGION}:{ACCOUNT}"
IDENTITY = f"{SES}:identity/example.com"
SENDS = ["ses:SendEmail", "ses:SendRawEmail", "ses:SendTemplatedEmail"]
TO = "alice@customer.example"


def _simple(*to: str, sender: str = "shop@example.com", **more: Any) -> dict[str, Any]:
    content = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}}}
    addresses = {"ToAddresses": list(to or (TO,))}
    return {"FromEmailAddress": sender, "Destination": addresses, "Content": content, **more}


def _denied(session: RoleSession, env: SesEnvironment, request: dict[str, Any]) -> tuple[str, str] | None:
    """Return the action and the resource that a `SendEmail` was denied; None if it was accepted."""
    try:
        session.client("sesv2", env.simulator.url).send_email(**request)
    except ClientError as denied:
        error = denied.response["Error"]
    else:
        return None
    found = re.fullmatch(
        rf"User `{session.arn}' is not authorized to perform `(.*)' on resource `(.*)'", error["Message"]
    )
    assert found, error
    assert error["Code"] == "AccessDeniedException"
    return found[1], found[2]


def test_a_right_to_the_identity_sends_and_one_to_another_does_not(
    env: SesEnvironment, ministack: str
) -> None:
    assert _denied(RoleSession(ministack, allow(SENDS, IDENTITY)), env, _simple()) is None
    other = RoleSession(ministack, allow(SENDS, f"{SES}:identity/example.net"))
    assert _denied(other, env, _simple()) == ("ses:SendEmail", IDENTITY)


def test_raw_content_needs_the_right_to_send_raw_mail(env: SesEnvironment, ministack: str) -> None:
    session = RoleSession(ministack, allow("ses:SendEmail", IDENTITY))
    assert _denied(session, env, {"Content": {"Raw": {"Data": RAW}}}) == ("ses:SendRawEmail", IDENTITY)


def test_the_configuration_set_is_checked(env: SesEnvironment, ministack: str) -> None:
    session = RoleSession(ministack, allow(SENDS, IDENTITY))
    request = _simple(ConfigurationSetName=env.configuration_set)
    assert _denied(session, env, request) == (
        "ses:SendEmail",
        f"{SES}:configuration-set/{env.configuration_set}",
    )


def test_the_template_is_checked(env: SesEnvironment, ministack: str) -> None:
    env.sesv2.create_email_template(
        TemplateName=env.name, TemplateContent={"Subject": "Hi", "Text": "Hello", "Html": "Hello"}
    )
    content = {"Template": {"TemplateName": env.name, "TemplateData": "{}"}}
    template = f"{SES}:template/{env.name}"
    for resources, denied in (([IDENTITY], ("ses:SendEmail", template)), ([IDENTITY, template], None)):
        session = RoleSession(ministack, allow(SENDS, *resources))
        assert _denied(session, env, {**_simple(), "Content": content}) == denied


def test_an_address_that_is_an_identity_beside_its_domain_is_its_own(
    env: SesEnvironment, ministack: str
) -> None:
    address = f"{env.name}@example.com"
    env.sesv2.create_email_identity(EmailIdentity=address)
    session = RoleSession(ministack, allow(SENDS, IDENTITY))
    assert _denied(session, env, _simple(sender=address)) == ("ses:SendEmail", f"{SES}:identity/{address}")


def test_a_sender_without_an_identity_is_denied_before_it_is_looked_up(
    env: SesEnvironment, ministack: str
) -> None:
    session = RoleSession(ministack, allow(SENDS, IDENTITY))
    request = _simple(sender="me@elsewhere.example")
    assert _denied(session, env, request) == ("ses:SendEmail", f"{SES}:identity/me@elsewhere.example")


def test_in_the_sandbox_the_identity_of_a_recipient_is_checked(
    env: SesEnvironment, domain: str, ministack: str
) -> None:
    env.http.put("/account", json={"production_access": False})
    session = RoleSession(ministack, allow(SENDS, IDENTITY))
    assert _denied(session, env, _simple("me@example.com", "success@simulator.amazonses.com")) is None
    assert _denied(session, env, _simple(f"me@{domain}")) == ("ses:SendEmail", f"{SES}:identity/{domain}")


def test_conditions_on_addresses_are_evaluated(env: SesEnvironment, ministack: str) -> None:
    conditions = {
        "StringEquals": {"ses:FromAddress": "shop@example.com"},
        "ForAllValues:StringLike": {"ses:Recipients": ["*@customer.example"]},
    }
    session = RoleSession(ministack, allow(SENDS, IDENTITY, Condition=conditions))
    assert _denied(session, env, _simple()) is None
    assert _denied(session, env, _simple(sender="boss@example.com")) == ("ses:SendEmail", IDENTITY)
    assert _denied(session, env, _simple(TO, "bob@elsewhere.example")) == ("ses:SendEmail", IDENTITY)


def test_overrides_of_tracking_need_a_right_of_their_own(env: SesEnvironment, ministack: str) -> None:
    overrides = {"Tracking": {"OpenTrackingEnabled": "DISABLED"}}
    session = RoleSession(ministack, allow(SENDS, "*"))
    request = _simple(ConfigurationOverrides=overrides)
    assert _denied(session, env, request) == ("ses:ApplyTrackingConfigurationOverrides", "*")


def test_a_bulk_call_needs_the_rights_of_both_apis(env: SesEnvironment, ministack: str) -> None:
    request = {
        "FromEmailAddress": "shop@example.com",
        "DefaultContent": {
            "Template": {"TemplateContent": {"Subject": "Hi", "Text": "Hello"}, "TemplateData": "{}"}
        },
        "BulkEmailEntries": [{"Destination": {"ToAddresses": [TO]}}],
    }
    session = RoleSession(ministack, allow("ses:SendBulkEmail", IDENTITY))
    with pytest.raises(ClientError, match="ses:SendBulkTemplatedEmail"):
        session.client("sesv2", env.simulator.url).send_bulk_email(**request)
    both = RoleSession(ministack, allow(["ses:SendBulkEmail", "ses:SendBulkTemplatedEmail"], IDENTITY))
    sent = both.client("sesv2", env.simulator.url).send_bulk_email(**request)
    assert sent["BulkEmailEntryResults"][0]["Status"] == "SUCCESS"


def test_calls_of_both_apis_are_checked_by_their_names(env: SesEnvironment, ministack: str) -> None:
    session = RoleSession(ministack, allow("ses:GetAccount", "*"))
    sesv2, ses = (session.client(name, env.simulator.url) for name in ("sesv2", "ses"))
    assert sesv2.get_account()["SendQuota"]
    with pytest.raises(ClientError, match="ses:PutSuppressedDestination on resource") as denied:
        sesv2.put_suppressed_destination(EmailAddress=TO, Reason="BOUNCE")
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    with pytest.raises(ClientError, match="ses:GetIdentityNotificationAttributes on resource") as denied:
        ses.get_identity_notification_attributes(Identities=["example.com"])
    assert denied.value.response["Error"]["Code"] == "AccessDenied"
    with pytest.raises(ClientError, match="ses:GetEmailIdentity"):
        sesv2.get_email_identity(EmailIdentity="example.com")


def test_a_denied_mail_is_recorded(ministack: str, tmp_path: Path) -> None:
    file = tmp_path / "denials.jsonl"
    simulator = SimulatedSes(
        SimulatorSettings(upstream_url=ministack, region=REGION, account_id=ACCOUNT, denials=file)
    )
    simulator.start()
    try:
        session = RoleSession(ministack, allow("ses:GetAccount", "*"))
        with pytest.raises(ClientError):
            session.client("sesv2", simulator.url).send_email(**_simple())
    finally:
        simulator.stop()
    assert read(file) == (Denial(principal=session.arn, action="ses:SendEmail", resource=IDENTITY),)
