from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailbus_local import directory as directories
from mailbus_local import systems
from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / ".mailbus").mkdir(parents=True)
    return folder


@pytest.fixture
def ready(folder: Path) -> Iterator[Path]:
    """A directory as it is while its system is ready."""
    directory = folder / ".mailbus"
    with directories.locked(directory):
        (directory / "outputs.json").write_text(json.dumps({"region": "us-east-1"}))
        yield directory


def test_a_running_system_is_found_by_its_record(folder: Path, ready: Path) -> None:
    with systems.recorded(folder, ready):
        [system] = systems.running()
    assert (system.folder, system.directory, system.outputs) == (folder, ready, {"region": "us-east-1"})
    assert systems.running() == []


def test_two_systems_are_found_in_the_order_of_their_folders(
    folder: Path, ready: Path, tmp_path: Path
) -> None:
    other = tmp_path / "desk" / ".mailbus"
    other.mkdir(parents=True)
    with directories.locked(other):
        (other / "outputs.json").write_text("{}")
        with systems.recorded(folder, ready), systems.recorded(other.parent, other):
            assert [system.folder.name for system in systems.running()] == ["desk", "shop"]


def test_the_record_of_a_killed_system_is_removed(folder: Path, tmp_path: Path) -> None:
    (folder / ".mailbus" / "outputs.json").write_text("{}")
    (folder / ".mailbus" / "lock").touch()
    with systems.recorded(folder, folder / ".mailbus"):
        assert systems.running() == []
        assert [path.name for path in tmp_path.rglob("systems/*")] == []


def test_a_damaged_record_is_removed(tmp_path: Path, folder: Path, ready: Path) -> None:
    with systems.recorded(folder, ready):
        for record in tmp_path.rglob("systems/*.json"):
            record.write_text("[]")
    assert systems.running() == []


def test_a_system_that_starts_is_not_found(ready: Path) -> None:
    (ready / "outputs.json").unlink()
    assert systems.at(ready) is None


def test_a_state_folder_that_cannot_be_written_is_an_error_of_one_line(
    tmp_path: Path, folder: Path, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with (
        pytest.raises(EmbeddedAwsError, match=r"Not a directory; .*set XDG_STATE_HOME"),
        systems.recorded(folder, ready),
    ):
        pass


def test_the_nearest_system_is_of_the_folder_or_of_one_above(folder: Path) -> None:
    inner = folder / "service"
    outer, own = (
        systems.System(folder=place, directory=place / ".mailbus", outputs={}) for place in (folder, inner)
    )
    assert systems.nearest([outer, own], inner / "src") == own
    assert systems.nearest([outer, own], folder / "docs") == outer
    assert systems.nearest([outer, own], folder.parent) is None


def test_a_look_at_a_directory_does_not_prevent_a_start(ready: Path) -> None:
    assert directories.is_locked(ready)
    assert not directories.is_locked(ready / "nothing")


def test_a_start_waits_for_a_look(folder: Path) -> None:
    directory = folder / ".mailbus"
    with directories.locked(directory):
        pass
    assert not directories.is_locked(directory)
    with directories.locked(directory):
        assert directories.is_locked(directory)
