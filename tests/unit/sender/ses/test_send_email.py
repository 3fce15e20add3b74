from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore import compat
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.events import Mailbox
from mailbus.jobs.esp_extra import check_esp_extra
from sender.ses.send_email import build_request
from tests.unit.sender.ses.example_jobs import ANN, SHOP, check_parameters, mail_job
from tests.unit.sender.settings import SETTINGS

if TYPE_CHECKING:
    from mailbus.jobs.job import Job


def parameters(job: Job, **settings: Any) -> dict[str, Any]:
    built = build_request(job, msgspec.structs.replace(SETTINGS, **settings)).params
    check_parameters("SendEmail", built)
    return built


def test_a_mail_is_one_raw_message_to_its_envelope() -> None:
    built = parameters(
        mail_job(
            from_email=(SHOP, Mailbox(name="Zoë", address="zoe@example.com")),
            cc=(Mailbox(name="", address="lee@example.org"), ANN),
            bcc=(Mailbox(name="", address="secret@example.org"),),
        )
    )
    data = built.pop("Content")["Raw"]["Data"]
    assert built == {
        "FromEmailAddress": "hello@example.com",
        "Destination": {
            "ToAddresses": ["ann@example.org"],
            "CcAddresses": ["lee@example.org"],
            "BccAddresses": ["secret@example.org"],
        },
        "EmailTags": [{"Name": "mailbus-job-id", "Value": "welcome-1"}],
        "ConfigurationSetName": "mailbus-dev",
    }
    message = message_from_bytes(data, policy=policy.default)
    assert message["From"] == "Example <hello@example.com>, Zoë <zoe@example.com>"


def test_bounces_go_to_the_jobs_envelope_sender() -> None:
    assert parameters(mail_job(envelope_sender="bounces@example.com"))["FeedbackForwardingEmailAddress"] == (
        "bounces@example.com"
    )


@pytest.mark.parametrize(
    ("opens", "clicks", "tracking"),
    [
        (True, False, {"OpenTrackingEnabled": "ENABLED", "ClickTrackingEnabled": "DISABLED"}),
        (False, None, {"OpenTrackingEnabled": "DISABLED"}),
        (None, True, {"ClickTrackingEnabled": "ENABLED"}),
    ],
)
def test_a_job_can_override_tracking_for_its_mail(
    *, opens: bool | None, clicks: bool | None, tracking: dict[str, str]
) -> None:
    built = parameters(mail_job(track_opens=opens, track_clicks=clicks))
    assert built["ConfigurationOverrides"] == {"Tracking": tracking}


def test_the_first_tag_is_a_message_tag_if_the_deployment_names_one() -> None:
    job = mail_job(tags=("welcome",))
    assert parameters(job)["EmailTags"] == [{"Name": "mailbus-job-id", "Value": "welcome-1"}]
    assert parameters(job, message_tag_name="campaign")["EmailTags"] == [
        {"Name": "mailbus-job-id", "Value": "welcome-1"},
        {"Name": "campaign", "Value": "welcome"},
    ]
    assert len(parameters(mail_job(), message_tag_name="campaign")["EmailTags"]) == 1


def test_esp_extra_overrides_everything_except_mailbuss_own_tags() -> None:
    built = parameters(
        mail_job(
            tags=("welcome",),
            track_opens=True,
            esp_extra={
                "ConfigurationSetName": "other",
                "ConfigurationOverrides": {"Tracking": {"OpenTrackingEnabled": "DISABLED"}},
                "EmailTags": [
                    {"Name": "mailbus-job-id", "Value": "forged"},
                    {"Name": "campaign", "Value": "spring"},
                    {"Name": "shop", "Value": "4"},
                ],
                "ListManagementOptions": {"ContactListName": "news", "TopicName": "weekly"},
                "TenantName": "shop-4",
            },
        ),
        message_tag_name="campaign",
    )
    assert built["ConfigurationSetName"] == "other"
    assert built["ConfigurationOverrides"] == {"Tracking": {"OpenTrackingEnabled": "DISABLED"}}
    assert built["EmailTags"] == [
        {"Name": "mailbus-job-id", "Value": "welcome-1"},
        {"Name": "campaign", "Value": "spring"},
        {"Name": "shop", "Value": "4"},
    ]
    assert built["ListManagementOptions"] == {"ContactListName": "news", "TopicName": "weekly"}
    assert built["TenantName"] == "shop-4"


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"TenentName": "a"}, r"no parameter 'TenentName'; did you mean TenantName\?"),
        ({"Zzz": 1}, "no parameter 'Zzz'; it has FromEmailAddress, "),
        ({"TenantName": 17}, r"Invalid type for parameter TenantName$"),
        ({"TenantName": None}, "Invalid type for parameter TenantName"),
        ({"EmailTags": {"shop": "4"}}, "Invalid type for parameter EmailTags$"),
        ({"EmailTags": [{"Name": "shop"}]}, r'Missing required parameter in EmailTags\[0\]: "Value"'),
        ({"EmailTags": ["shop"]}, r"Invalid type for parameter EmailTags\[0\]$"),
        ({"ListManagementOptions": {"TopicName": "weekly"}}, 'ListManagementOptions: "ContactListName"'),
        (
            {"ListManagementOptions": {"ContactListName": "news", "Topic": "x"}},
            'Unknown parameter .* "Topic"',
        ),
        ({"FromEmailAddressIdentityArn": ["arn"]}, "parameter FromEmailAddressIdentityArn$"),
    ],
)
def test_esp_extra_that_does_not_match_ses_is_refused_before_the_call(
    extra: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidJob, match=reason) as refused:
        build_request(mail_job(esp_extra=extra), SETTINGS)
    assert refused.value.path == "$.esp_extra"


def test_the_reason_of_a_refusal_contains_no_value() -> None:
    secret = {"ListManagementOptions": "hush, type: hush"}
    with pytest.raises(InvalidJob) as refused:
        build_request(mail_job(esp_extra=secret), SETTINGS)
    assert "hush" not in str(refused.value)


def test_a_multi_region_endpoint_needs_the_library_that_signs_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    job = mail_job(esp_extra={"EndpointId": "ab12cd34.xyz"})
    monkeypatch.setattr(compat, "HAS_CRT", False)
    with pytest.raises(UnsupportedFeature, match="awscrt") as refused:
        build_request(job, SETTINGS)
    assert (refused.value.path, refused.value.feature) == ("$.esp_extra.EndpointId", "EndpointId")
    monkeypatch.setattr(compat, "HAS_CRT", True)
    assert parameters(job)["EndpointId"] == "ab12cd34.xyz"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["ConfigurationSetName", "EmailTags", "TenantName", "ListManagementOptions", "ConfigurationOverrides"]
)


@given(st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=3))
def test_any_esp_extra_is_either_used_or_refused_by_its_path(extra: dict[str, Any]) -> None:
    try:
        check_esp_extra(extra, "$.esp_extra", merge=False)
        built = build_request(mail_job(esp_extra=extra), SETTINGS).params
    except InvalidJob as refused:
        assert refused.path.startswith("$.esp_extra")  # noqa: PT017 - either outcome is right, if it is this one
    else:
        assert {"Name": "mailbus-job-id", "Value": "welcome-1"} in built["EmailTags"]
        assert {name: built[name] for name in extra if name != "EmailTags"} == {
            name: value for name, value in extra.items() if name != "EmailTags"
        }
