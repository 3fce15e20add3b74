"""What other languages use of the wheel."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from mailbus.schemas.publishing import published
from tests.installed.interpreters import NEWEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.installed.environments import Installer

READ = """
from importlib.resources import files
print((files("mailbus.schemas") / "published" / "mailbus.d.ts").read_text(), end="")
"""


def test_the_wheel_has_the_schemas_and_declarations(wheel: Path) -> None:
    folder = "mailbus/schemas/published/"
    with zipfile.ZipFile(wheel) as archive:
        found = {
            name.removeprefix(folder): archive.read(name).decode()
            for name in archive.namelist()
            if name.startswith(folder)
        }
    assert found == published()


def test_they_are_resources_of_the_package_and_a_command_writes_them(
    install: Installer, tmp_path: Path
) -> None:
    environment = install(NEWEST, "mailbus", lock="runtime")
    assert environment.run("-c", READ).stdout == published()["mailbus.d.ts"]
    environment.run("-m", "mailbus.schemas", str(tmp_path / "types"))
    written = {path: (tmp_path / "types" / path).read_text() for path in published()}
    assert written == published()


def test_the_command_says_what_it_needs(install: Installer, tmp_path: Path) -> None:
    environment = install(NEWEST, "mailbus", lock="runtime")
    failed = environment.run("-m", "mailbus.schemas", check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("usage: python -m mailbus.schemas FOLDER")

    (tmp_path / "types").touch()
    failed = environment.run("-m", "mailbus.schemas", str(tmp_path / "types"), check=False)
    assert failed.returncode == 1
    assert failed.stderr == f"{tmp_path / 'types'}: File exists; name a folder that can be written\n"
