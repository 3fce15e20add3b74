from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from mailbus_cdk import credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = 'region = "eu-west-1"\nidentity = "bakery.example"\n[stages.prod]\n'
KEYS = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
ACCEPTED = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
EXPIRED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>ExpiredToken</Code><Message>The security token has expired</Message></Error></ErrorResponse>"""


class Sts:
    """STS on loopback, with one answer."""

    def __init__(self) -> None:
        self.status, self.answer = 200, ACCEPTED
        sts = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                body = sts.answer.encode()
                self.send_response(sts.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Write no log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def sts() -> Iterator[Sts]:
    sts = Sts()
    thread = threading.Thread(target=sts.server.serve_forever)
    thread.start()
    yield sts
    sts.server.shutdown()
    thread.join()
    sts.server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Have no credentials but those that a test sets, in the folder of a settings file."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    (tmp_path / credentials.FILE).write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def _set(environment: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)


@pytest.mark.parametrize(
    ("stage", "variables", "error"),
    [
        (
            "prod",
            {},
            "NoCredentialsError: there are no AWS credentials that AWS accepts; set ",
        ),
        (
            "prod",
            {"AWS_PROFILE": "nobody"},
            "ProfileNotFound: there are no AWS credentials that AWS ",
        ),
        (
            "prod",
            {**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "EndpointConnectionError: AWS cannot be reached; check the network",
        ),
        ("prd", {}, "mailbus.toml: there is no stage 'prd'; did you mean 'prod'? (stages: prod)"),
    ],
)
def test_what_a_deployment_lacks_is_one_line_that_says_what_to_do(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stage: str,
    variables: dict[str, str],
    error: str,
) -> None:
    _set(environment, variables)
    assert credentials.main([stage]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith(error)
    assert written.err.count("\n") == 1


def test_credentials_that_have_expired_are_named_by_aws_own_code(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sts: Sts
) -> None:
    _set(environment, {**KEYS, "AWS_ENDPOINT_URL": sts.url})
    sts.status, sts.answer = 403, EXPIRED
    assert credentials.main(["prod"]) == 2
    assert capsys.readouterr().err.startswith("ExpiredToken: there are no AWS credentials that AWS accepts; ")


def test_valid_credentials_have_no_error(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sts: Sts
) -> None:
    _set(environment, {**KEYS, "AWS_ENDPOINT_URL": sts.url})
    assert credentials.main(["prod"]) == 0
    assert capsys.readouterr().err == ""


def test_a_stage_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert credentials.main([]) == 2
    assert capsys.readouterr().err == "usage: python -m mailbus_cdk.credentials <stage>\n"
