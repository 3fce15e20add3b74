from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from mailbus_local import ministack_process

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _as_in_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile.ZipFile, "extractall", ministack_process.extract)


def spawn(scratch: Path, name: str, text: str) -> Path:
    """Unpack a function's code as MiniStack does for a worker; return its directory."""
    directory = scratch / name
    (directory / "code").mkdir(parents=True)
    with zipfile.ZipFile(directory / "code.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("package/module.py"), text)
    with zipfile.ZipFile(directory / "code.zip") as archive:
        archive.extractall(str(directory / "code"))
    return directory / "code"


def test_workers_of_one_function_share_its_code(tmp_path: Path) -> None:
    first, second = spawn(tmp_path, "a-1", "one"), spawn(tmp_path, "a-2", "one")
    assert first.resolve() == second.resolve()
    assert first.resolve().parent == tmp_path
    assert (second / "package" / "module.py").read_text() == "one"


def test_changed_code_is_another_copy(tmp_path: Path) -> None:
    first, second = spawn(tmp_path, "a-1", "one"), spawn(tmp_path, "a-2", "two")
    assert (first / "package" / "module.py").read_text() == "one"
    assert (second / "package" / "module.py").read_text() == "two"


def test_workers_that_start_at_the_same_time_have_whole_code(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: spawn(tmp_path, f"a-{number}", "x" * 100_000), range(8)))
    assert {(code / "package" / "module.py").stat().st_size for code in found} == {100_000}


def test_what_an_interrupted_start_left_is_unpacked_again(tmp_path: Path) -> None:
    code = spawn(tmp_path, "a-1", "one").resolve()
    code.rename(code.with_suffix(".new"))
    (code.with_suffix(".new") / "package" / "module.py").unlink()
    assert (spawn(tmp_path, "a-2", "one") / "package" / "module.py").read_text() == "one"


def test_other_archives_are_unpacked_as_ever(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "layer_0.zip", "w") as archive:
        archive.writestr("module.py", "one")
    with zipfile.ZipFile(tmp_path / "layer_0.zip") as archive:
        archive.extractall(str(tmp_path / "layer_0"), ["module.py"])
    assert not (tmp_path / "layer_0").is_symlink()
    assert (tmp_path / "layer_0" / "module.py").read_text() == "one"
