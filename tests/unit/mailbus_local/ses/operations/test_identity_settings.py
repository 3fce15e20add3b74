from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.mailbus_local.simulated_ses import SesEnvironment

NAME = "settings.example"


@pytest.fixture
def identity(env: SesEnvironment) -> Iterator[str]:
    env.sesv2.create_email_identity(EmailIdentity=NAME)
    yield NAME
    env.http.put(
        f"/identities/{NAME}",
        json=dict.fromkeys(("verification_status", "dkim_status", "mail_from_status"), "SUCCESS"),
    ).raise_for_status()
    env.sesv2.delete_email_identity(EmailIdentity=NAME)


def test_an_identity_is_verified_and_signs_as_if_its_records_were_there(
    env: SesEnvironment, identity: str
) -> None:
    found = env.sesv2.get_email_identity(EmailIdentity=identity)

    assert (found["VerificationStatus"], found["VerifiedForSendingStatus"]) == ("SUCCESS", True)
    dkim = found["DkimAttributes"]
    assert (dkim["Status"], dkim["SigningEnabled"], len(dkim["Tokens"])) == ("SUCCESS", True, 3)
    assert found["MailFromAttributes"] == {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}


def test_what_calls_set_is_what_is_answered(env: SesEnvironment, identity: str) -> None:
    env.sesv2.put_email_identity_dkim_attributes(EmailIdentity=identity, SigningEnabled=False)
    env.sesv2.put_email_identity_mail_from_attributes(
        EmailIdentity=identity, MailFromDomain=f"m.{identity}", BehaviorOnMxFailure="REJECT_MESSAGE"
    )

    found = env.sesv2.get_email_identity(EmailIdentity=identity)

    assert found["DkimAttributes"]["SigningEnabled"] is False
    assert found["MailFromAttributes"] == {
        "MailFromDomain": f"m.{identity}",
        "MailFromDomainStatus": "SUCCESS",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    }
    env.sesv2.put_email_identity_dkim_attributes(EmailIdentity=identity, SigningEnabled=True)
    env.sesv2.put_email_identity_mail_from_attributes(EmailIdentity=identity)
    assert "MailFromDomain" not in env.sesv2.get_email_identity(EmailIdentity=identity)["MailFromAttributes"]


def test_the_control_api_says_what_ses_finds_in_dns(env: SesEnvironment, identity: str) -> None:
    changed = env.http.put(f"/identities/{identity}", json={"dkim_status": "FAILED"}).raise_for_status()

    assert changed.json() == {
        "verification_status": "SUCCESS",
        "dkim_status": "FAILED",
        "mail_from_status": "SUCCESS",
    }
    assert env.http.get(f"/identities/{identity}").json() == changed.json()
    found = env.sesv2.get_email_identity(EmailIdentity=identity)
    assert found["DkimAttributes"]["Status"] == "FAILED"


def test_an_identity_that_is_not_verified_sends_nothing(env: SesEnvironment, identity: str) -> None:
    env.http.put(f"/identities/{identity}", json={"verification_status": "PENDING"}).raise_for_status()

    assert env.sesv2.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"] is False
    with pytest.raises(ClientError, match="Email address is not verified"):
        env.sesv2.send_email(
            FromEmailAddress=f"a@{identity}",
            Destination={"ToAddresses": ["b@customer.example"]},
            Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
        )


@pytest.mark.parametrize("body", [{"dkim_status": "NO"}, {"dkim": "SUCCESS"}, []])
def test_a_state_that_does_not_exist_is_refused(env: SesEnvironment, body: object) -> None:
    assert env.http.put("/identities/example.com", json=body).status_code == 400


def test_an_identity_that_does_not_exist_has_nothing_to_set(env: SesEnvironment) -> None:
    with pytest.raises(ClientError) as caught:
        env.sesv2.put_email_identity_mail_from_attributes(EmailIdentity="gone.example")
    assert caught.value.response["Error"]["Code"] == "NotFoundException"
