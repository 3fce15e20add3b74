"""A client that finds its queue by the name of a stage."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mailbus import Client
from mailbus.errors import ConfigurationError, SendError
from tests.unit.mailbus.deployment import JOB, in_a_process
from tests.unit.mailbus.fake_deployment import QUEUE, Queue

if TYPE_CHECKING:
    from types_boto3_ssm.client import SSMClient

SEND = "/mailbus/prod/SendQueueUrl"
BULK = "/mailbus/prod/BulkQueueUrl"


class Parameters:
    """SSM's parameter store in one region; `outages` fail calls."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.asked: list[str] = []
        self.outages: list[Exception] = []
        self.meta = SimpleNamespace(region_name="eu-west-1")

    @property
    def client(self) -> SSMClient:
        return cast("SSMClient", self)

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.asked.append(Name)
        if self.outages:
            raise self.outages.pop(0)
        if Name not in self.values:
            code = "ParameterNotFound"
            raise _refusal(code)
        return {"Parameter": {"Name": Name, "Value": self.values[Name]}}


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "refused"}}, "GetParameter")


@pytest.fixture
def parameters() -> Parameters:
    return Parameters({SEND: QUEUE, BULK: f"{QUEUE}-bulk"})


def test_the_queue_is_looked_up_once_and_only_when_it_is_used(parameters: Parameters) -> None:
    queue = Queue()
    client = Client(stage="prod", ssm=parameters.client, sqs=queue.client)
    assert parameters.asked == []
    client.send(JOB)
    client.send_many([JOB, JOB])
    assert parameters.asked == [SEND]
    assert len(queue.bodies) == 3


def test_each_lane_has_its_own_queue(parameters: Parameters) -> None:
    client = Client(stage="prod", lane="bulk", ssm=parameters.client)
    assert client._queue_url() == f"{QUEUE}-bulk"  # noqa: SLF001 - no call of SQS is made
    assert parameters.asked == [BULK]


def test_threads_look_the_queue_up_once(parameters: Parameters) -> None:
    queue = Queue()
    client = Client(stage="prod", ssm=parameters.client, sqs=queue.client)
    together = threading.Barrier(8)

    def send(_: int) -> None:
        together.wait()
        client.send(JOB)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, range(8)))
    assert parameters.asked == [SEND]
    assert len(queue.bodies) == 8


def test_a_lookup_that_failed_is_made_again(parameters: Parameters) -> None:
    parameters.outages = [
        _refusal("ThrottlingException"),
        EndpointConnectionError(endpoint_url="https://ssm"),
    ]
    client = Client(stage="prod", ssm=parameters.client, sqs=Queue().client)
    for code in ("ThrottlingException", "EndpointConnectionError"):
        with pytest.raises(SendError) as raised:
            client.send(JOB)
        assert (raised.value.code, raised.value.retryable) == (code, True)
    client.send(JOB)
    assert parameters.asked == [SEND] * 3


def test_other_clients_are_of_the_stages_region_and_that_is_the_sessions(parameters: Parameters) -> None:
    session = boto3.Session(
        aws_access_key_id="nobody", aws_secret_access_key="nothing", region_name="eu-central-1"
    )
    client = Client(stage="prod", session=session)
    assert client._aws("ssm").meta.region_name == "eu-central-1"  # noqa: SLF001 - no call is made
    client = Client(stage="prod", session=session, ssm=parameters.client)
    assert client._aws("sqs").meta.region_name == "eu-west-1"  # noqa: SLF001 - no call is made


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "ParameterNotFound",
            (
                "there is no stage 'prd' in eu-west-1 (no parameter /mailbus/prd/SendQueueUrl): correct the "
                "name, the region (AWS_DEFAULT_REGION) or the account, or deploy the stage with this version"
            ),
        ),
        (
            "AccessDeniedException",
            (
                "AccessDeniedException: allow the application ssm:GetParameter on the parameter "
                "/mailbus/prd/SendQueueUrl, or correct the stage's name; grant_send of the stacks does"
            ),
        ),
        (
            "UnrecognizedClientException",
            (
                "UnrecognizedClientException: the AWS credentials are invalid or have expired; check the "
                "application's role or keys"
            ),
        ),
    ],
)
def test_a_stage_that_cannot_be_found_is_one_line_that_says_what_to_do(
    parameters: Parameters, code: str, reason: str
) -> None:
    parameters.outages = [_refusal(code)]
    with pytest.raises(ConfigurationError) as raised:
        Client(stage="prd", ssm=parameters.client).send(JOB)
    assert str(raised.value) == reason


def test_a_parameter_that_holds_something_else_is_refused(parameters: Parameters) -> None:
    parameters.values[SEND] = "arn:aws:sqs:eu-west-1:210987654321:send"
    with pytest.raises(ConfigurationError, match="this is the queue's ARN"):
        Client(stage="prod", ssm=parameters.client).send(JOB)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"queue_url": QUEUE, "stage": "prod"}, "pass either the queue's URL or the stage, not both"),
        ({}, "the queue's URL is missing; "),
        ({"stage": ""}, "stage must be the name of a stage in mailbus.toml, such as \"prod\" (it is '')"),
        ({"stage": "prod/../dev"}, "stage must be the name of a stage"),
        ({"stage": "prod\n"}, "stage must be the name of a stage"),
        ({"stage": 3}, "stage must be the name of a stage"),
        ({"stage": "prod", "lane": "bulks"}, 'lane must be "transactional" or "bulk" (it is \'bulks\')'),
        (
            {"queue_url": QUEUE, "lane": "bulk"},
            "lane is of a stage, Client(stage=\"prod\", lane='bulk'); a URL is",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Client(**arguments)
    assert str(raised.value).startswith(reason)
    assert "\n" not in str(raised.value)


def test_the_stage_on_this_machine_is_not_looked_up_at_aws() -> None:
    session = boto3.Session(
        aws_access_key_id="nobody", aws_secret_access_key="nothing", region_name="us-east-1"
    )
    with pytest.raises(ConfigurationError) as raised:
        Client(stage="local", session=session).send(JOB)
    assert str(raised.value) == (
        "the stage 'local' is on this machine, but calls go to https://ssm.us-east-1.amazonaws.com; start it "
        'with `mailbus local`, and set the environment with eval "$(mailbus env --local)"'
    )


@pytest.mark.parametrize(
    ("stage", "environment", "reason"),
    [
        ("prod", {}, "NoRegionError: no AWS region; set AWS_DEFAULT_REGION to the deployment's"),
        (
            "local",
            {},
            (
                "the stage 'local' is on this machine, but no region is set; start it with `mailbus local`, "
                'and set the environment with eval "$(mailbus env --local)"'
            ),
        ),
        (
            "prod",
            {"AWS_PROFILE": "nobody"},
            "ProfileNotFound: the AWS profile does not exist; check AWS_PROFILE",
        ),
        (
            "prod",
            {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "127.0.0.1:4566"},
            "AWS_ENDPOINT_URL must be a URL, such as http://127.0.0.1:4566: Invalid endpoint: 127.0.0.1:4566",
        ),
        (
            "prod",
            {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"},
            (
                "NoCredentialsError: no AWS credentials; give the application a role, or set them in its "
                "environment"
            ),
        ),
    ],
)
def test_an_environment_without_what_aws_needs_is_one_line(
    stage: str, environment: dict[str, str], reason: str
) -> None:
    ran = in_a_process(
        f"""
import os
os.environ |= {environment!r} | {{"AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none"}}
from mailbus import Client, SendJob
from mailbus.errors import ConfigurationError
try:
    job = SendJob(from_email="a@example.com", to="b@example.com", subject="x", text="x")
    Client(stage={stage!r}).send(job)
except ConfigurationError as error:
    print(error)
"""
    )
    assert ran.stdout == f"{reason}\n", ran.stderr
