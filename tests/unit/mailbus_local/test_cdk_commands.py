"""Commands, with a script in place of the CDK's command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mailbus_local.cdk_commands import CdkCommands
from mailbus_local.errors import EmbeddedAwsError
from mailbus_local.process_record import ProcessRecord
from mailbus_local.stop_signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def stop() -> StopRequest:
    return StopRequest()


@pytest.fixture
def commands_with(tmp_path: Path, stop: StopRequest) -> Callable[[str], CdkCommands]:
    """Make commands whose `cdk` is a script of `sh`."""

    def make(script: str) -> CdkCommands:
        executables = tmp_path / "bin"
        executables.mkdir()
        program = executables / "cdk"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        directory = tmp_path / "system"
        directory.mkdir()
        return CdkCommands(
            directory=directory,
            environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
            executables=(executables,),
            record=ProcessRecord(directory, directory / "scratch"),
            stop=stop,
        )

    return make


def test_a_command_is_found_first_and_runs_in_the_directory_with_a_log_of_its_own(
    commands_with: Callable[[str], CdkCommands], tmp_path: Path
) -> None:
    commands = commands_with('pwd; echo "$AWS_ENDPOINT_URL $CDK_DISABLE_CLI_TELEMETRY $CDK_VALIDATION $*"')

    commands.wait(commands.start("deploy", "--all"))

    log = (tmp_path / "system" / "cdk-deploy.log").read_text().splitlines()
    assert log == [
        str(tmp_path / "system"),
        "http://127.0.0.1:4566 true false deploy --all --no-notices --no-version-reporting",
    ]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo deploying\necho 'it failed: no such bucket'\necho\nexit 1", "it failed: no such bucket"),
        (
            "echo 'prod-state: fail: The bucket is elsewhere.'\necho '‣ AggregateError: '\nexit 1",
            "prod-state: fail: The bucket is elsewhere.",
        ),
        ("exit 3", "exit code 3"),
    ],
)
def test_a_failure_is_one_line_with_the_cause_or_what_was_said_last_and_the_log(
    commands_with: Callable[[str], CdkCommands], tmp_path: Path, script: str, said: str
) -> None:
    commands = commands_with(script)
    with pytest.raises(EmbeddedAwsError) as error:
        commands.wait(commands.start("deploy"))
    assert str(error.value) == f"cdk deploy failed: {said} (see {tmp_path / 'system' / 'cdk-deploy.log'})"


def test_a_stop_ends_the_wait_and_the_end_what_runs(
    commands_with: Callable[[str], CdkCommands], stop: StopRequest
) -> None:
    commands = commands_with("exec sleep 600")
    process = commands.start("deploy")
    stop.request()

    with pytest.raises(EmbeddedAwsError, match="stopped before the system was ready"):
        commands.wait(process)
    commands.end()

    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
