from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from mailbus.errors import ConfigurationError
from mailbus_cli import stages
from mailbus_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEARCH = {"Path": "/mailbus/prod/"}
URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/send"


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM"):
        monkeypatch.delenv(name, raising=False)
    client = boto3.client(
        "ssm", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    monkeypatch.setattr(boto3, "Session", lambda **_options: _Session("eu-west-1", lambda: client))
    with Stubber(client) as stub:
        yield stub
    stub.assert_no_pending_responses()


class _Session:
    def __init__(self, region_name: str | None, client: Callable[[], Any]) -> None:
        self.region_name = region_name
        self._client = client

    def client(self, _service: str) -> Any:
        return self._client()


def _parameters(**values: str) -> dict[str, Any]:
    return {
        "Parameters": [{"Name": f"/mailbus/prod/{name}", "Value": value} for name, value in values.items()]
    }


def test_all_outputs_of_all_pages_are_variables(ssm: Stubber) -> None:
    first = {**_parameters(SendQueueUrl=URL), "NextToken": "more"}
    ssm.add_response("get_parameters_by_path", first, SEARCH)
    ssm.add_response(
        "get_parameters_by_path", _parameters(EventBusName="mailbus-prod"), {**SEARCH, "NextToken": "more"}
    )
    assert stages.variables("prod") == {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "MAILBUS_STAGE": "prod",
        "SEND_QUEUE_URL": URL,
        "EVENT_BUS_NAME": "mailbus-prod",
    }


def test_a_stage_that_is_not_deployed_is_an_error_with_region_and_what_to_check(ssm: Stubber) -> None:
    ssm.add_response("get_parameters_by_path", {"Parameters": []}, SEARCH)
    ssm.add_client_error("get_parameters_by_path", "AccessDeniedException")
    with pytest.raises(CommandError, match=r"no stage prod in eu-west-1 of this account") as error:
        stages.variables("prod")
    assert (
        error.value.hint == "choose account and region with AWS_PROFILE and AWS_REGION, or deploy the stage"
    )


def test_in_a_terminal_of_the_local_system_the_hint_says_so(
    ssm: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    ssm.add_response("get_parameters_by_path", {"Parameters": []}, SEARCH)
    with pytest.raises(CommandError) as error:
        stages.variables("prod")
    assert error.value.hint == (
        "AWS_ENDPOINT_URL leads to http://127.0.0.1:4566 instead of AWS; use a new terminal, or unset it"
    )


@pytest.mark.parametrize(
    ("found", "hint"),
    [
        (["prdo", "dev", "prdo"], "did you mean `--stage prdo`? The stages here: dev, prdo"),
        (["x"], "the stages here: x; --region and --profile lead elsewhere"),
        ([], "choose account and region with AWS_PROFILE and AWS_REGION, or deploy the stage"),
    ],
)
def test_the_stages_that_there_are_are_named(ssm: Stubber, found: list[str], hint: str) -> None:
    ssm.add_response("get_parameters_by_path", {"Parameters": []}, SEARCH)
    names = [{"Name": f"/mailbus/{stage}/Version{number}"} for number, stage in enumerate(found)]
    ssm.add_response(
        "get_parameters_by_path", {"Parameters": names}, {"Path": "/mailbus/", "Recursive": True}
    )
    with pytest.raises(CommandError) as error:
        stages.variables("prod")
    assert error.value.hint == hint


@pytest.mark.usefixtures("ssm")
def test_what_is_no_name_of_a_stage_is_not_looked_up() -> None:
    with pytest.raises(ConfigurationError, match='such as "prod"'):
        stages.variables("Prod/")


def test_the_region_is_read_from_either_variable_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def fail() -> None:
        raise NoCredentialsError

    def create(*, region_name: str | None, **_options: object) -> _Session:
        asked.append(region_name)
        return _Session(region_name, fail)

    monkeypatch.setattr(boto3, "Session", create)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for region in ("eu-west-1", ""):
        monkeypatch.setenv("AWS_REGION", region)
        with pytest.raises(NoCredentialsError):
            stages.variables("prod")
    # None is boto3's own search: AWS_DEFAULT_REGION, then the profile
    assert asked == ["eu-west-1", None]
