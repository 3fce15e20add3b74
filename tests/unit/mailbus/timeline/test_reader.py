"""The timeline as an application reads it, by the name of a stage."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mailbus import Timeline
from mailbus.errors import ConfigurationError, SendError
from tests.unit.fakes.dynamodb import refused
from tests.unit.mailbus.timeline.timelines import TABLE, event, message
from tests.unit.mailbus.timeline.timelines import Timeline as Recorded

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "/mailbus/prod/TimelineTableName"


class Parameters:
    """SSM's parameter store in one region; `errors` fail calls."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.asked: list[str] = []
        self.errors: list[Exception] = []
        self.meta = SimpleNamespace(region_name="eu-west-1")

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.asked.append(Name)
        if self.errors:
            raise self.errors.pop(0)
        if Name not in self.values:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")
        return {"Parameter": {"Name": Name, "Value": self.values[Name]}}


@pytest.fixture
def parameters() -> Parameters:
    return Parameters({NAME: TABLE})


@pytest.fixture
def recorded() -> Recorded:
    found = Recorded()
    found.record(event("queued"), event("delivered", 1), keep=4_000_000_000)
    return found


@pytest.fixture
def timeline(parameters: Parameters, recorded: Recorded) -> Timeline:
    return Timeline(stage="prod", ssm=parameters, dynamodb=recorded.client)  # type: ignore[arg-type] # fakes


@pytest.mark.parametrize(
    "read",
    [
        lambda timeline: timeline.by_recipient("ann@EXAMPLE.com"),
        lambda timeline: timeline.by_job("order-1001"),
        lambda timeline: timeline.by_message(message(1)),
        lambda timeline: timeline.newest().mails,
        lambda timeline: timeline.mails([f"message#{message(1)}"]),
    ],
)
def test_a_mail_is_found_by_its_recipient_job_and_message(
    timeline: Timeline, read: Callable[[Timeline], Any]
) -> None:
    assert [mail.status for mail in read(timeline)] == ["delivered"]


def test_the_events_of_a_mail_are_read_and_received_mail(timeline: Timeline) -> None:
    (mail,) = timeline.by_job("order-1001")
    assert [kept.entry["detail"]["event_type"] for kept in timeline.events(mail)] == ["queued", "delivered"]
    assert timeline.received().mails == ()


def test_the_table_is_looked_up_once_and_only_when_it_is_used(
    timeline: Timeline, parameters: Parameters
) -> None:
    assert parameters.asked == []
    for _ in range(3):
        timeline.by_job("order-1001")
    assert parameters.asked == [NAME]


def test_a_lookup_that_failed_is_made_again(timeline: Timeline, parameters: Parameters) -> None:
    parameters.errors = [EndpointConnectionError(endpoint_url="https://ssm")]
    with pytest.raises(SendError):
        timeline.by_job("order-1001")
    assert len(timeline.by_job("order-1001")) == 1


def test_without_a_timeline_the_error_names_the_setting(timeline: Timeline, parameters: Parameters) -> None:
    parameters.values.clear()
    with pytest.raises(ConfigurationError) as raised:
        timeline.by_job("order-1001")
    assert str(raised.value) == (
        "This stage keeps no timeline. Set `timeline.days` and deploy. If it does keep one, correct the "
        "stage's name, the region (AWS_DEFAULT_REGION) or the account: "
        f"there is no parameter {NAME} in eu-west-1"
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("AccessDeniedException", rf"ssm:GetParameter on the parameter {NAME}.*; grant_status of the stacks"),
        ("ExpiredTokenException", "the AWS credentials are invalid or have expired"),
    ],
)
def test_a_lookup_without_rights_names_what_to_allow(
    timeline: Timeline, parameters: Parameters, code: str, reason: str
) -> None:
    parameters.errors = [ClientError({"Error": {"Code": code, "Message": ""}}, "GetParameter")]
    with pytest.raises(ConfigurationError, match=reason):
        timeline.by_job("order-1001")


def test_a_read_without_rights_names_what_to_allow(timeline: Timeline, recorded: Recorded) -> None:
    recorded.client.errors = [refused("AccessDeniedException", "Query")]
    with pytest.raises(ConfigurationError, match=r"dynamodb:Query .*; grant_status of the stacks"):
        timeline.by_job("order-1001")


@pytest.mark.parametrize("stage", ["Prod!", "", None])
def test_a_stage_has_a_name(stage: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"stage must be the name of a stage in mailbus\.toml"):
        Timeline(stage=stage)


def test_the_stage_of_the_laptop_is_not_looked_up_at_aws() -> None:
    session = boto3.Session(aws_access_key_id="nobody", aws_secret_access_key="x", region_name="us-east-1")
    with pytest.raises(ConfigurationError, match="'local' is on this machine"):
        Timeline(stage="local", session=session).by_job("order-1001")
