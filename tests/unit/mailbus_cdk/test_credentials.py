from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from mailbus.errors import ConfigurationError, SendError
from mailbus_cdk import credentials
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILE = 'region = "eu-west-1"\nidentity = "bakery.example"\n[stages.prod]\n'


class Sts:
    """STS, which answers with an error if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def get_caller_identity(self) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {"Account": "111122223333"}


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "refused"}}, "GetCallerIdentity")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoCredentialsError(), "NoCredentialsError"),
        (_refusal("ExpiredToken"), "ExpiredToken"),
        (_refusal("InvalidClientTokenId"), "InvalidClientTokenId"),
    ],
)
def test_credentials_that_aws_does_not_accept_are_one_line_that_says_how_to_get_some(
    error: Exception, code: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        credentials.check(Sts(error))
    assert str(raised.value).startswith(f"{code}: AWS accepts no credentials from here: set AWS_PROFILE to ")
    assert "\n" not in str(raised.value)


def test_that_aws_cannot_be_reached_is_not_blamed_on_the_credentials() -> None:
    with pytest.raises(SendError, match="EndpointConnectionError: AWS could not be reached"):
        credentials.check(Sts(EndpointConnectionError(endpoint_url="https://sts")))


def test_valid_credentials_have_no_error() -> None:
    credentials.check(Sts())


@pytest.mark.parametrize(
    ("stage", "profile", "error"),
    [
        ("prod", {}, "NoCredentialsError: AWS accepts no credentials from here: set AWS_PROFILE to "),
        (
            "prod",
            {"AWS_PROFILE": "nobody"},
            "ProfileNotFound: the AWS profile does not exist; check ",
        ),
        ("prd", {}, "mailbus.toml: there is no stage 'prd'; did you mean 'prod'? (stages: prod)"),
    ],
)
def test_a_deployment_without_credentials_stops_before_the_cdk_with_one_line(
    tmp_path: Path, stage: str, profile: dict[str, str], error: str
) -> None:
    (tmp_path / "mailbus.toml").write_text(FILE)
    nowhere = {name: str(tmp_path / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    done = subprocess.run(
        [sys.executable, "-m", "mailbus_cdk.credentials", stage],
        cwd=tmp_path,
        env={
            "PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT / "infra")]),
            "AWS_EC2_METADATA_DISABLED": "true",
            **nowhere,
            **profile,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(error)
    assert done.stderr.count("\n") == 1
