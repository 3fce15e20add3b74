"""The frame, with commands of its own in place of the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer

from mailbus import __version__
from mailbus.errors import ConfigurationError
from mailbus_cli import frame
from mailbus_cli.errors import CommandError, UsageError
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCES = os.pathsep.join(str(ROOT / name) for name in ("functions", "infra", "cli"))
HELP_SECONDS = 0.3


def _mailbus(
    *arguments: str, python: tuple[str, ...] = (sys.executable,), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*python, "-m", "mailbus_cli", *arguments],
        env={**os.environ, "PYTHONPATH": SOURCES, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _aborted(by: BaseException) -> typer.Abort:
    """Return what a question raises."""
    error = typer.Abort()
    error.__context__ = by
    return error


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | int | None], None]:
    """Have one command, `act`, which raises an exception or returns a value."""

    def use(outcome: BaseException | int | None) -> None:
        def act() -> int | None:
            """Act."""
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(frame, "found", lambda: {"act": act, "other": lambda: None})

    return use


@pytest.mark.parametrize(
    ("outcome", "code", "lines"),
    [
        (None, 0, ""),
        (3, 3, ""),
        (
            CommandError("it does not run", hint="start it"),
            1,
            "mailbus: it does not run\nhint: start it\n",
        ),
        (ConfigurationError("region: is wrong"), 1, "mailbus: region: is wrong\n"),
        (UsageError("one is needed", hint="use --one"), 2, "mailbus: one is needed\nhint: use --one\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "mailbus: /x: Permission denied\n"),
        (KeyboardInterrupt(), 130, ""),
        (_aborted(KeyboardInterrupt()), 130, ""),
        (_aborted(EOFError()), 1, "mailbus: there is no answer\nhint: `--help` has the option\n"),
    ],
)
def test_an_outcome_is_an_exit_code_and_an_error_also_a_line_and_a_hint(
    command: Callable[[BaseException | int | None], None],
    capsys: pytest.CaptureFixture[str],
    outcome: BaseException | int | None,
    code: int,
    lines: str,
) -> None:
    command(outcome)
    assert frame.run(["act"]) == code
    assert capsys.readouterr() == ("", lines)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(["nope"], "mailbus --help"), (["--nope"], "mailbus --help"), (["act", "--nope"], "mailbus act --help")],
)
def test_a_wrong_command_line_is_a_line_and_where_to_look(
    command: Callable[[BaseException | int | None], None],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    hint: str,
) -> None:
    command(None)
    assert frame.run(arguments) == 2
    reason, hinted = capsys.readouterr().err.splitlines()
    assert reason.startswith("mailbus: No such ")
    assert "nope" in reason
    assert hinted == f"hint: {hint}"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_the_commands_with_what_they_do(arguments: tuple[str, ...]) -> None:
    done = _mailbus(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "env Print a system's environment variables." in lines
    assert "local Run the whole system on this machine until Ctrl-C." in lines


def test_the_version_is_the_packages() -> None:
    done = _mailbus("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mailbus {__version__}\n", "")


def test_letters_that_the_encoding_of_the_output_lacks_are_escaped(tmp_path: Path) -> None:
    job = '{"job_id": "one", "from_email": "Ä <a@example.com>", "to": ["Jörg <j@example.net>"], "text": "x"}'
    (tmp_path / "jörg.json").write_text(job)
    done = _mailbus("send", str(tmp_path / "jörg.json"), "--dry-run", "--json", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr


def test_help_is_quick() -> None:
    program = (
        "import sys, time\nfrom mailbus_cli.main import main\n"
        "code = main(['--help'])\n"
        "print(time.process_time(), file=sys.stderr)\nsys.exit(code)\n"
    )

    def seconds() -> float:
        # processor time: a busy machine makes no import slow
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": SOURCES},
            capture_output=True,
            text=True,
            check=True,
        )
        return float(done.stderr)

    assert any(seconds() < HELP_SECONDS for _ in range(3))


def test_without_the_extra_an_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')\n"
    )
    done = _mailbus("--help", PYTHONPATH=f"{tmp_path}{os.pathsep}{SOURCES}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == "mailbus: the command line needs the extra cli (typer is missing)"
    assert len(done.stderr.splitlines()) == 2


def test_output_that_is_not_read_to_its_end_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "mailbus_cli", "--help"],
        env={**os.environ, "PYTHONPATH": SOURCES},
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        cwd=tmp_path,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
