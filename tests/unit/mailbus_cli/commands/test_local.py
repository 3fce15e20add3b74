"""What comes before a system is started; a whole run is in tests/installed/test_local.py."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mailbus_cli.commands.local import local
from mailbus_cli.frame import run
from mailbus_local.ports import FLAGS
from mailbus_local.stop_signals import StopRequest
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = os.pathsep.join(str(ROOT / name) for name in ("functions", "infra", "cli"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # what the command changes in its process
    monkeypatch.setattr(StopRequest, "listen", lambda _: None)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    return tmp_path


def test_the_flags_of_ports_are_those_that_errors_name() -> None:
    options = {f"--{name.replace('_', '-')}" for name in local.__annotations__ if name.endswith("port")}
    assert options == set(FLAGS.values())


def test_a_busy_port_is_one_line_that_names_the_flag(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run(["local", "--smtp-port", str(port)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mailbus: --smtp-port {port} is in use: choose another")
    assert not (folder / ".mailbus" / "outputs.json").exists()


def test_wrong_settings_of_the_folder_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mailbus.toml").write_text('region = "us-east-1"\n[stages.local]\nidentiy = "example.com"\n')
    assert run(["local"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == "mailbus: mailbus.toml: [stages.local] identiy: is unknown; did you mean 'identity'?"


def test_a_folder_that_cannot_be_written_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".mailbus").touch()
    assert run(["local"]) == 1
    assert capsys.readouterr().err == (
        f"mailbus: {folder / '.mailbus'} cannot be written (File exists): go to another folder, or choose a "
        "directory with --directory\n"
    )


def test_without_the_extra_an_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "aiosmtpd").mkdir()
    (tmp_path / "aiosmtpd" / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'aiosmtpd'\", name='aiosmtpd')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mailbus_cli", "local"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{SOURCES}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "mailbus: `mailbus local` needs the extra local (aiosmtpd is missing)",
        "hint: install mailbus[local] from where mailbus came from",
    ]


@pytest.mark.parametrize("port", ["x", "-1", "65536"])
def test_what_is_no_port_is_a_wrong_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    assert run(["local", "--port", port]) == 2
    reason, hint = capsys.readouterr().err.splitlines()
    assert "--port" in reason
    assert hint == "hint: mailbus local --help"
    assert not (folder / ".mailbus").exists()


@pytest.mark.usefixtures("folder")
def test_a_region_without_an_app_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "--region", "eu-west-1"]) == 2
    assert capsys.readouterr().err.startswith("mailbus: --region is an option of --app\nhint: ")
