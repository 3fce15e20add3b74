from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from mailbus_cli.frame import application, run
from mailbus_local import directory as directories
from mailbus_local import systems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OUTPUTS = {
    "endpoint_url": "http://127.0.0.1:4566",
    "ses_endpoint_url": "http://127.0.0.1:4567",
    "sns_endpoint_url": "http://127.0.0.1:4568",
    "smtp_host": "127.0.0.1",
    "smtp_port": 2525,
    "region": "us-east-1",
    "SendQueueUrl": "http://127.0.0.1:4566/000000000000/send",
}
PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (*PROXIES, "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@contextlib.contextmanager
def _running(folder: Path, **outputs: Any) -> Iterator[Path]:
    """Make a folder look as while its system runs."""
    directory = folder / ".mailbus"
    directory.mkdir(parents=True)
    with directories.locked(directory):
        (directory / "outputs.json").write_text(json.dumps({**OUTPUTS, **outputs}))
        with systems.recorded(folder, directory):
            yield directory


def _printed(*arguments: str) -> str:
    result = CliRunner().invoke(application(), ["env", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_only_system_is_found_from_any_folder(tmp_path: Path) -> None:
    with _running(tmp_path / "shop"):
        printed = _printed("--local")
    assert "export AWS_ENDPOINT_URL='http://127.0.0.1:4566'\n" in printed
    assert "export AWS_ENDPOINT_URL_SESV2='http://127.0.0.1:4567'\n" in printed
    assert "export SEND_QUEUE_URL='http://127.0.0.1:4566/000000000000/send'\n" in printed
    assert all(line.startswith("export ") for line in printed.splitlines())


def test_of_several_systems_that_of_the_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _running(tmp_path / "desk", region="eu-west-1"), _running(tmp_path / "shop", region="eu-west-2"):
        monkeypatch.chdir(tmp_path / "desk")
        assert json.loads(_printed("--local", "--json"))["AWS_REGION"] == "eu-west-1"


def test_of_several_systems_one_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _running(tmp_path / "desk", region="eu-west-1") as desk, _running(tmp_path / "shop") as shop:
        assert run(["env", "--local"]) == 1
        reason, hint = capsys.readouterr().err.splitlines()
        assert reason.startswith("mailbus: 2 systems run, none of them in this folder or above it: ")
        assert f"{desk}, {shop}" in reason
        assert hint == f"hint: choose one: `--local --directory {desk}`"

        found = json.loads(_printed("--local", "--json", "--directory", str(desk)))
        assert found["AWS_REGION"] == "eu-west-1"


def test_a_profile_and_a_proxy_do_not_lead_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")
    with _running(tmp_path / "shop"):
        printed = _printed("--local")
    assert printed.startswith("unset AWS_PROFILE\n")
    assert (
        "export NO_PROXY='intranet,127.0.0.1,localhost'\nexport no_proxy='intranet,127.0.0.1,localhost'\n"
        in printed
    )


def test_without_a_proxy_nothing_is_said_about_it(tmp_path: Path) -> None:
    with _running(tmp_path / "shop"):
        assert "proxy" not in _printed("--local").lower()


@pytest.mark.parametrize(
    ("arguments", "code", "reason", "hint"),
    [
        (
            ["--local"],
            1,
            "no system runs on this machine, or it is not ready",
            "start one with `mailbus local`, in another terminal",
        ),
        (
            ["--local", "--directory", "nowhere"],
            1,
            "no system runs in nowhere, or it is not ready",
            "`mailbus env --local` finds those that run",
        ),
        (
            [],
            2,
            "one of --local and --stage is needed",
            "`mailbus env --local`, or `mailbus env --stage prod`",
        ),
        (
            ["--local", "--stage", "prod"],
            2,
            "--local and --stage exclude each other",
            "`mailbus env --local`, or `mailbus env --stage prod`",
        ),
        (
            ["--stage", "prod", "--directory", "x"],
            2,
            "--directory is an option of --local",
            "`mailbus env --local --directory …`",
        ),
    ],
)
def test_an_error_is_a_line_and_a_hint_and_prints_nothing_to_evaluate(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, reason: str, hint: str
) -> None:
    assert run(["env", *arguments]) == code
    assert capsys.readouterr() == ("", f"mailbus: {reason}\nhint: {hint}\n")
