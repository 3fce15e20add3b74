from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore import compat
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.events import Mailbox
from mailbus.jobs.job import Job
from sender.ses.send_email import build_request
from tests.unit.sender.example_settings import SETTINGS

if TYPE_CHECKING:
    from mailbus.environment import SenderSettings

ANN = Mailbox(name="Ann Lee", address="ann@example.org")
HELLO = Mailbox(name="Example", address="hello@example.com")


def settings(**fields: Any) -> SenderSettings:
    return msgspec.structs.replace(SETTINGS, **fields)


def job(**fields: Any) -> Job:
    asked = {
        "job_id": "welcome-1",
        "from_email": (HELLO,),
        "to": (ANN,),
        "subject": "Welcome",
        "text": "Hello",
    }
    return Job(**asked | fields)


def params(asked: Job, **of_settings: Any) -> dict[str, Any]:
    planned = build_request(asked, settings(**of_settings)).params
    shape = (
        ServiceModel(create_loader().load_service_model("sesv2", "service-2"), "sesv2")
        .operation_model("SendEmail")
        .input_shape
    )
    report = ParamValidator().validate(planned, shape)
    assert not report.has_errors(), report.generate_report()
    return planned


def test_a_mail_is_one_raw_message_to_its_envelope() -> None:
    planned = params(
        job(
            from_email=(HELLO, Mailbox(name="Zoë", address="zoe@example.com")),
            cc=(Mailbox(name="", address="lee@example.org"), ANN),
            bcc=(Mailbox(name="", address="secret@example.org"),),
        )
    )
    data = planned.pop("Content")["Raw"]["Data"]
    assert planned == {
        "FromEmailAddress": "hello@example.com",
        "Destination": {
            "ToAddresses": ["ann@example.org"],
            "CcAddresses": ["lee@example.org"],
            "BccAddresses": ["secret@example.org"],
        },
        "EmailTags": [{"Name": "mailbus-job-id", "Value": "welcome-1"}],
        "ConfigurationSetName": "mailbus",
    }
    message = message_from_bytes(data, policy=policy.default)
    assert message["From"] == "Example <hello@example.com>, Zoë <zoe@example.com>"


def test_bounces_go_where_the_job_says() -> None:
    assert params(job(envelope_sender="bounces@example.com"))["FeedbackForwardingEmailAddress"] == (
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
def test_tracking_is_changed_for_one_mail_alone(
    *, opens: bool | None, clicks: bool | None, tracking: dict[str, str]
) -> None:
    planned = params(job(track_opens=opens, track_clicks=clicks))
    assert planned["ConfigurationOverrides"] == {"Tracking": tracking}


def test_where_the_deployment_names_it_the_tag_is_a_message_tag_too() -> None:
    asked = job(tags=("welcome",))
    assert params(asked)["EmailTags"] == [{"Name": "mailbus-job-id", "Value": "welcome-1"}]
    assert params(asked, message_tag_name="campaign")["EmailTags"] == [
        {"Name": "mailbus-job-id", "Value": "welcome-1"},
        {"Name": "campaign", "Value": "welcome"},
    ]
    assert len(params(job(), message_tag_name="campaign")["EmailTags"]) == 1


def test_esp_extra_comes_last_and_leaves_the_tags_that_mailbus_needs() -> None:
    planned = params(
        job(
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
    assert planned["ConfigurationSetName"] == "other"
    assert planned["ConfigurationOverrides"] == {"Tracking": {"OpenTrackingEnabled": "DISABLED"}}
    assert planned["EmailTags"] == [
        {"Name": "mailbus-job-id", "Value": "welcome-1"},
        {"Name": "campaign", "Value": "spring"},
        {"Name": "shop", "Value": "4"},
    ]
    assert planned["ListManagementOptions"] == {"ContactListName": "news", "TopicName": "weekly"}
    assert planned["TenantName"] == "shop-4"


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
def test_what_ses_has_no_place_for_is_refused_before_the_call(extra: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidJob, match=reason) as refused:
        build_request(job(esp_extra=extra), settings())
    assert refused.value.path == "$.esp_extra"


def test_a_refusal_tells_no_value() -> None:
    secret = {"ListManagementOptions": "hush, type: hush"}
    with pytest.raises(InvalidJob) as refused:
        build_request(job(esp_extra=secret), settings())
    assert "hush" not in str(refused.value)


def test_a_global_endpoint_needs_the_library_that_signs_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = job(esp_extra={"EndpointId": "ab12cd34.xyz"})
    monkeypatch.setattr(compat, "HAS_CRT", False)
    with pytest.raises(UnsupportedFeature, match="awscrt") as refused:
        build_request(asked, settings())
    assert (refused.value.path, refused.value.feature) == ("$.esp_extra.EndpointId", "EndpointId")
    monkeypatch.setattr(compat, "HAS_CRT", True)
    assert params(asked)["EndpointId"] == "ab12cd34.xyz"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["ConfigurationSetName", "EmailTags", "TenantName", "ListManagementOptions", "ConfigurationOverrides"]
)


@given(st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=3))
def test_any_esp_extra_is_either_taken_or_refused_by_its_path(extra: dict[str, Any]) -> None:
    try:
        planned = build_request(job(esp_extra=extra), settings()).params
    except InvalidJob as refused:
        assert refused.path.startswith("$.esp_extra")  # noqa: PT017 - either outcome is right, if it is this one
    else:
        assert {"Name": "mailbus-job-id", "Value": "welcome-1"} in planned["EmailTags"]
        assert {name: planned[name] for name in extra if name != "EmailTags"} == {
            name: value for name, value in extra.items() if name != "EmailTags"
        }
