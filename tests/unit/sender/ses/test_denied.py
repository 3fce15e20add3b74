"""What to do after a denial, by the resource that SES names."""

from __future__ import annotations

import pytest

from sender.ses.denied import GENERAL, advice
from sender.ses.errors import classify

ACCOUNT = "arn:aws:ses:eu-west-1:111122223333"
USER = "arn:aws:sts::111122223333:assumed-role/mailbus-prod-Sender/sender"
SHARED = "arn:aws:ses:eu-west-1:444455556666:identity/partner.example"
NAMED = {
    "other_identities": "the setting other_identities, ",
    "other_configuration_sets": "the setting other_configuration_sets, ",
    "sandbox_recipients": "the setting sandbox_recipients, ",
}


def denial(resource: str) -> str:
    return f"User `{USER}' is not authorized to perform `ses:SendRawEmail' on resource `{resource}'"


@pytest.mark.parametrize(
    ("resource", "sender", "setting", "name"),
    [
        (f"{ACCOUNT}:identity/example.org", "ada@example.org", "other_identities", "example.org"),
        (f"{ACCOUNT}:identity/example.org", "Ada <ada@shop.example.org>", "other_identities", "example.org"),
        (f"{ACCOUNT}:identity/Ada@example.org", "ada@Example.org", "other_identities", "Ada@example.org"),
        (f"{ACCOUNT}:identity/ada@example.org", "shop@example.org", "sandbox_recipients", "ada@example.org"),
        (f"{ACCOUNT}:identity/ample.org", "shop@example.org", "sandbox_recipients", "ample.org"),
        (f"{ACCOUNT}:identity/shop.example.org", "a@example.org", "sandbox_recipients", "shop.example.org"),
        (SHARED, "shop@example.org", "other_identities", SHARED),
        (f"{ACCOUNT}:configuration-set/receipts", "a@example.org", "other_configuration_sets", "receipts"),
        ("arn:aws-cn:ses:cn-north-1:1:identity/a.example", "a@a.example", "other_identities", "a.example"),
    ],
)
def test_the_advice_names_the_setting_for_what_ses_names(
    resource: str, sender: str, setting: str, name: str
) -> None:
    text = advice(denial(resource), {"FromEmailAddress": sender, "FromEmailAddressIdentityArn": SHARED})
    assert [found for found, named in NAMED.items() if named in text] == [setting]
    assert f"add {name}" in text


def test_the_quotes_of_other_services_are_read_too() -> None:
    text = (
        f"User: {USER} is not authorized to perform: ses:SendEmail on resource: "
        f"{ACCOUNT}:identity/example.org because no identity-based policy allows the ses:SendEmail action"
    )
    assert "add example.org, the From" in advice(text, {"FromEmailAddress": "ada@example.org"})


@pytest.mark.parametrize("resource", ["", f"{ACCOUNT}:template/welcome", "arn:aws:s3:::identity/a"])
def test_what_no_setting_is_for_gets_the_general_advice(resource: str) -> None:
    assert advice(denial(resource), {"FromEmailAddress": "ada@example.org"}) == GENERAL


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "NotAuthorized"])
def test_an_error_of_a_call_has_the_advice(code: str) -> None:
    fault = classify(
        code, denial(f"{ACCOUNT}:identity/c@example.org"), 403, {"FromEmailAddress": "a@example.com"}
    )
    assert fault.kind == "retry"
    assert "add c@example.org to the setting sandbox_recipients" in str(fault.error)
    assert "other_identities" not in str(fault.error)
