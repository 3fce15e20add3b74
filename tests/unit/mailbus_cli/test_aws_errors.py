from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from mailbus_cli import frame
from mailbus_cli.aws_errors import explain

if TYPE_CHECKING:
    from pathlib import Path

ROLE = "arn:aws:sts::111122223333:assumed-role/Support/ann"
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:mailbus-prod-send"

BECAUSE = "because no identity-based policy allows the sqs:ReceiveMessage action"
OBJECT = "arn:aws:s3:::b/inbound/x"


def _answer(code: str, message: str = "", operation: str = "ReceiveMessage") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("message", "reason", "action", "resource"),
    [
        (
            f"User: {ROLE} is not authorized to perform: sqs:ReceiveMessage on resource: {QUEUE} {BECAUSE}",
            f"{ROLE} may not sqs:ReceiveMessage on {QUEUE}, {BECAUSE}",
            "sqs:ReceiveMessage",
            QUEUE,
        ),
        (
            f'User: {ROLE} is not authorized to perform: s3:GetObject on resource: "{OBJECT}" with a deny',
            f"{ROLE} may not s3:GetObject on {OBJECT}",
            "s3:GetObject",
            OBJECT,
        ),
        (
            f"User: {ROLE} is not authorized to perform: ses:GetAccount on resource: *",
            f"{ROLE} may not ses:GetAccount",
            "ses:GetAccount",
            "*",
        ),
        (
            "Access Denied",
            "these credentials may not call ReceiveMessage: Access Denied",
            "ReceiveMessage",
            None,
        ),
    ],
)
def test_missing_rights_name_who_the_action_and_the_resource(
    message: str, reason: str, action: str, resource: str | None
) -> None:
    explanation = explain(_answer("AccessDeniedException", message), environment={})
    assert (explanation.kind, explanation.reason) == ("denied", reason)
    assert (explanation.action, explanation.resource) == (action, resource)
    assert "--profile NAME" in explanation.hint


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (_answer("ExpiredToken", "gone"), "expired", "the AWS credentials have expired"),
        (exceptions.UnauthorizedSSOTokenError(), "expired", "the AWS credentials have expired"),
        (
            exceptions.SSOTokenLoadError(error_msg="none cached"),
            "expired",
            "the AWS credentials have expired",
        ),
        (
            _answer("InvalidClientTokenId"),
            "credentials",
            "AWS does not accept these credentials (InvalidClientTokenId)",
        ),
        (
            exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            "credentials",
            "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY",
        ),
        (exceptions.NoCredentialsError(), "credentials", "there are no AWS credentials"),
        (exceptions.NoRegionError(), "region", "no AWS region is set"),
        (
            exceptions.EndpointConnectionError(endpoint_url="https://sqs.eu-west-9.amazonaws.com"),
            "unreachable",
            'Could not connect to the endpoint URL: "https://sqs.eu-west-9.amazonaws.com"',
        ),
        (
            exceptions.ReadTimeoutError(endpoint_url="https://x"),
            "unreachable",
            'Read timeout on endpoint URL: "https://x"',
        ),
        (
            _answer("Throttling", "Rate\nexceeded"),
            "other",
            "AWS answers Throttling to ReceiveMessage: Rate exceeded",
        ),
        (exceptions.DataNotFoundError(data_path="x"), "other", "Unable to load data for: x"),
    ],
)
def test_an_error_is_one_line_of_its_kind(error: BotoCoreError | ClientError, kind: str, reason: str) -> None:
    explanation = explain(error, environment={})
    assert (explanation.kind, explanation.reason) == (kind, reason)
    assert explanation.hint


@pytest.mark.parametrize(
    ("profile", "environment", "hint"),
    [
        (None, {}, "log in: `aws sso login`"),
        ("prod", {}, "log in: `aws sso login --profile prod`"),
        (None, {"AWS_PROFILE": "prod"}, "log in: `aws sso login --profile prod`"),
        (
            None,
            {"AWS_ACCESS_KEY_ID": "A", "AWS_PROFILE": "prod"},
            "set new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them",
        ),
        ("prod", {"AWS_ACCESS_KEY_ID": "A"}, "log in: `aws sso login --profile prod`"),
    ],
)
def test_expired_credentials_are_renewed_where_they_come_from(
    profile: str | None, environment: dict[str, str], hint: str
) -> None:
    assert explain(_answer("ExpiredToken"), profile=profile, environment=environment).hint == hint


def test_a_profile_that_is_not_there_names_the_one_that_was_meant_or_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile prod]\nregion = eu-west-1\n[default]\n[sso-session company]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    def hint(name: str) -> str:
        return explain(exceptions.ProfileNotFound(profile=name), environment={}).hint

    assert hint("prdo") == "did you mean `--profile prod`?"
    assert hint("x") == "the profiles are default, prod; `aws configure sso` makes one"
    config.unlink()
    assert hint("x") == "~/.aws/config has no profiles; `aws configure sso` makes one"


def test_the_system_on_this_machine_may_have_ended() -> None:
    error = exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566")
    assert explain(error, environment={}).hint == (
        "the system on this machine has ended, or is busy: `mailbus local` starts one"
    )


@pytest.mark.parametrize(
    "error",
    [
        exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/"),
        _answer("InvalidClientTokenId"),
    ],
)
def test_an_endpoint_of_the_environment_is_named(error: BotoCoreError | ClientError) -> None:
    hint = explain(error, environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}).hint
    assert hint == (
        "AWS_ENDPOINT_URL leads to http://127.0.0.1:4566 instead of AWS; use a new terminal, or unset it"
    )


def test_an_endpoint_of_another_service_is_not_blamed() -> None:
    error = exceptions.EndpointConnectionError(endpoint_url="https://ssm.eu-west-9.amazonaws.com/")
    hint = explain(error, environment={"AWS_ENDPOINT_URL_SES": "http://127.0.0.1:4567"}).hint
    assert hint == "check the network, the proxy and the region"


def test_the_error_of_a_command_can_say_what_was_not_done() -> None:
    error = explain(exceptions.NoRegionError(), environment={}).as_error("nothing is sent")
    assert str(error) == "nothing is sent: no AWS region is set"
    assert error.hint.startswith("`--region eu-west-1`")


@pytest.mark.parametrize("arguments", [["--profile", "prod"], ["--profile=prod"]])
def test_an_error_that_a_command_does_not_handle_is_two_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)

    def act(*, profile: str = "") -> Any:
        """Act."""
        error = _answer("ExpiredTokenException", profile)
        raise error

    monkeypatch.setattr(frame, "found", lambda: {"act": act})
    assert frame.run(["act", *arguments]) == 1
    assert capsys.readouterr() == (
        "",
        "mailbus: the AWS credentials have expired\nhint: log in: `aws sso login --profile prod`\n",
    )
