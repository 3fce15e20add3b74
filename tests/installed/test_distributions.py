from __future__ import annotations

import email
import hashlib
import re
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailbus import __version__
from tests.architecture.source_tree import FUNCTIONS
from tests.installed.conftest import build_distributions
from tests.installed.interpreters import MINORS

if TYPE_CHECKING:
    from email.message import Message

PACKAGES = {"mailbus", "mailbus_cdk", "mailbus_cli", "mailbus_local"}


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_bytes(archive.read(f"mailbus-{__version__}.dist-info/METADATA"))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_a_build_of_the_sdist_elsewhere_gives_the_same_bytes(
    distributions: Path, sdist: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / f"mailbus-{__version__}"
    (source / "functions").chmod(0o700)
    (source / "README.md").chmod(0o600)
    (source / "LICENSE").touch()
    build_distributions(source, tmp_path / "dist")
    for name in (f"mailbus-{__version__}-py3-none-any.whl", f"mailbus-{__version__}.tar.gz"):
        assert _sha256(tmp_path / "dist" / name) == _sha256(distributions / name), name


def test_the_wheel_says_what_it_is_and_names_no_address(metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Author"] == "Mailbus contributors"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Project-URL"] is None
    assert metadata["Home-page"] is None
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    minors = [
        c
        for c in metadata.get_all("Classifier", [])
        if re.match(r"Programming Language :: Python :: 3\.\d", c)
    ]
    assert minors == [f"Programming Language :: Python :: 3.{minor}" for minor in MINORS]
    assert set(metadata.get_all("Provides-Extra", [])) == {"django", "cli", "cdk", "local"}


def test_the_client_needs_three_packages(metadata: Message) -> None:
    needed = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert sorted(re.split(r"[<>=!~ ;\[]", need)[0] for need in needed) == ["boto3", "idna", "msgspec"]


def test_the_wheel_has_the_license_and_is_typed(names: list[str]) -> None:
    assert f"mailbus-{__version__}.dist-info/licenses/LICENSE" in names
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)


def test_only_packages_with_mailbus_in_their_name_are_importable(names: list[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert tops == {*PACKAGES, f"mailbus-{__version__}.dist-info"}


def test_the_functions_and_their_lock_are_package_data(names: list[str]) -> None:
    functions = {path.parent.name for path in FUNCTIONS.glob("*/__init__.py")} - {"mailbus"}
    for function in functions:
        modules = {path.relative_to(FUNCTIONS).as_posix() for path in (FUNCTIONS / function).rglob("*.py")}
        assert {f"mailbus_cdk/functions/{module}" for module in modules} <= set(names)
    assert "mailbus_cdk/requirements/runtime.txt" in names


def test_the_wheel_has_no_tests_and_nothing_compiled(names: list[str]) -> None:
    assert [name for name in names if "tests" in Path(name).parts or name.endswith(".pyc")] == []


def test_the_sdist_has_no_build_results(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        tops = {Path(name).parts[1] for name in archive.getnames() if len(Path(name).parts) > 1}
    assert tops & {".venv", "node_modules", "build", "cdk.out", ".local", "dist", ".git"} == set()
    assert {"functions", "infra", "cli", "requirements", "pyproject.toml", "LICENSE", "tests", "docs"} <= tops
