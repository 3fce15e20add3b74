"""The kept assemblies, with a synthesis that writes one template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus_cdk import sources
from mailbus_local import kept_assemblies
from mailbus_local.errors import EmbeddedAwsError
from mailbus_local.stage import PACKAGED, load_settings
from mailbus_local.stop_signals import StopRequest

if TYPE_CHECKING:
    from pathlib import Path

    from mailbus_cdk.settings import Settings
    from mailbus_cdk.sources import Sources

REGISTRY = {"Type": "AWS::EventSchemas::Registry", "Properties": {}}


class Synthesis:
    """Writes an assembly, and counts how often."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.count = 0

    def __call__(self) -> Path:
        self.count += 1
        self.directory.mkdir(exist_ok=True)
        template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Registry": REGISTRY}}
        (self.directory / "mail.template.json").write_text(json.dumps(template))
        return self.directory


@pytest.fixture(autouse=True)
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory where builds are kept."""
    found: Sources = msgspec.structs.replace(sources.find(), build=tmp_path / "build")
    monkeypatch.setattr(sources, "find", lambda: found)
    return found.build


@pytest.fixture
def settings() -> Settings:
    return load_settings(PACKAGED)


@pytest.fixture
def synthesis(tmp_path: Path) -> Synthesis:
    return Synthesis(tmp_path / "synthesized")


def find(settings: Settings, synthesis: Synthesis) -> Path:
    return kept_assemblies.find(settings, synthesis, progress=pytest.fail, stop=StopRequest())


def test_the_same_settings_are_synthesized_once_and_adapted(
    settings: Settings, synthesis: Synthesis, build: Path
) -> None:
    found = find(settings, synthesis)

    assert find(settings, synthesis) == found
    assert synthesis.count == 1
    assert found.parent == build
    assert json.loads((found / "mail.template.json").read_text()) == {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}
    }


def test_other_settings_are_synthesized_anew(settings: Settings, synthesis: Synthesis) -> None:
    found = find(settings, synthesis)

    assert find(msgspec.structs.replace(settings, log_retention_days=90), synthesis) != found
    assert synthesis.count == 2


def test_the_assemblies_used_last_are_kept(
    settings: Settings, synthesis: Synthesis, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_assemblies, "_KEPT", 2)
    first = find(settings, synthesis)
    others = [
        find(msgspec.structs.replace(settings, log_retention_days=days), synthesis) for days in (30, 60, 90)
    ]

    assert not first.exists()
    assert sorted(build.glob("assembly-*")) == sorted(others[1:])


def test_a_synthesis_that_fails_leaves_nothing_to_be_found(
    settings: Settings, synthesis: Synthesis, build: Path
) -> None:
    def fail() -> Path:
        reason = "cdk synth failed"
        raise EmbeddedAwsError(reason)

    with pytest.raises(EmbeddedAwsError):
        kept_assemblies.find(settings, fail, progress=pytest.fail, stop=StopRequest())

    assert list(build.glob("*assembly-*")) == []
    assert find(settings, synthesis).is_dir()


def test_the_digest_is_of_the_code_that_synthesizes_and_of_what_is_deployed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept_assemblies.digest(settings, {})
    assert kept_assemblies.digest(settings, {"LANG": "C"}) == before

    assert kept_assemblies.digest(settings, {"CDK_CONTEXT_JSON": "{}"}) != before
    with monkeypatch.context() as changed:
        changed.setattr(kept_assemblies, "_INFRA", tmp_path)
        (tmp_path / "mailbus_cdk").mkdir()
        (tmp_path / "mailbus_cdk" / "mailbus.py").write_text("CHANGED = True\n")
        assert kept_assemblies.digest(settings, {}) != before
    with monkeypatch.context() as changed:
        lock = tmp_path / "runtime.txt"
        lock.write_text("boto3==1\n")
        other = msgspec.structs.replace(sources.find(), lock=lock)
        changed.setattr(sources, "find", lambda: other)
        assert kept_assemblies.digest(settings, {}) != before
    assert kept_assemblies.digest(settings, {}) == before
