"""What the shell completes, also in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mailbus_cli.completions import profile_names, stage_names
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = os.pathsep.join(str(ROOT / name) for name in ("functions", "infra", "cli"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mailbus.toml").write_text("[stages.prod]\n[stages.preview]\n[stages.dev]\n")
    (tmp_path / "config").write_text("[profile ann prod]\n[profile prod]\n[default]\n[sso-session prox]\n")
    (tmp_path / "credentials").write_text("[staging]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_stages_are_those_of_the_folders_settings() -> None:
    assert stage_names("pr") == ["prod", "preview"]


@pytest.mark.parametrize("content", [None, "[", "stages = 1", "\udcff"])
def test_without_readable_settings_no_stage_is_completed(folder: Path, content: str | None) -> None:
    (folder / "mailbus.toml").unlink()
    if content is not None:
        (folder / "mailbus.toml").write_bytes(content.encode(errors="surrogateescape"))
    assert stage_names("") == []


@pytest.mark.usefixtures("folder")
def test_profiles_are_those_of_both_files_of_aws() -> None:
    assert profile_names("") == ["default", "prod", "staging"]
    assert profile_names("s") == ["staging"]


def test_without_readable_files_no_profile_is_completed(folder: Path) -> None:
    (folder / "config").write_text("not a section\n")
    assert profile_names("") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mailbus en", "env"),
        ("mailbus env --reg", "--region"),
        ("mailbus env --stage pre", "preview"),
        ("mailbus env --profile sta", "staging"),
        ("mailbus env --verb", "--verbose"),
    ],
)
def test_bash_completes(folder: Path, line: str, expected: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    command = folder / "mailbus"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mailbus_cli "$@"\n')
    command.chmod(0o700)
    words = line.split()
    script = (
        'eval "$(mailbus --show-completion bash)"\n'
        f"COMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\n"
        # as bash calls it: with the command, the word and the one before it
        f'_mailbus_completion mailbus {words[-1]} {words[-2]}\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        env={
            **os.environ,
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": SOURCES,
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (f"{expected}\n", "")
