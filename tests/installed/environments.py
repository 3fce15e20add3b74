"""Fresh virtual environments outside of the checkout, with the wheel installed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import uv

from tests.architecture.source_tree import ROOT
from tests.installed.interpreters import PYTHONS

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUIREMENTS = ROOT / "requirements"


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual environment. Its commands run in `home`, outside of the checkout, and do not see it."""

    python: Path
    home: Path

    @property
    def bin(self) -> Path:
        return self.python.parent

    def variables(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return this process's environment variables without what leads to the checkout or to AWS."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PYTHON", "VIRTUAL_ENV", "DJANGO_", "MAILBUS_", "COV_"))
        }
        checkout = {str(ROOT / "node_modules" / ".bin"), os.path.dirname(sys.executable)}  # noqa: PTH120 - a link
        path = [str(self.bin), *(part for part in kept["PATH"].split(os.pathsep) if part not in checkout)]
        return {**kept, "PATH": os.pathsep.join(path), **(extra or {})}

    def run(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with arguments: `run("-c", code)`, `run("-m", module)`. Its output is in the failure."""
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=cwd or self.home,
            env=self.variables(env),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            output = f"{done.stdout}\n{done.stderr}"
            reason = f"exit code {done.returncode} of {' '.join(arguments)[:200]}:\n{output[-4000:]}"
            raise AssertionError(reason)
        return done


class Installer:
    """Installs the wheel, with other packages, into environments, which all workers share."""

    def __init__(self, wheel: Path, directory: Path) -> None:
        self._wheel = wheel
        self._directory = directory

    def __call__(self, python: str, *packages: str, lock: str = "local") -> Environment:
        """Return an environment of Python `python` ("3.12"); the same request returns the same one.

        "mailbus" and "mailbus[extra]" are the wheel, "-r" files are names in requirements/, such as
        "-r django-6.1". The versions of what the wheel needs are those in `requirements/<lock>.txt`.
        """
        request = "\0".join((python, *packages, lock))
        home = self._directory / f"environment-{hashlib.sha256(request.encode()).hexdigest()[:12]}"
        home.mkdir(exist_ok=True)
        with (home / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            installed = Environment(python=home / "venv" / "bin" / "python", home=home)
            if not (home / "ready").exists():
                self._make(installed, python, packages, lock)
                (home / "ready").touch()
        return installed

    def _make(self, installed: Environment, python: str, packages: tuple[str, ...], lock: str) -> None:
        home = installed.home
        _uv("venv", "--quiet", "--python", PYTHONS[python], str(home / "venv"))
        arguments: list[str] = []
        for package in packages:
            if package.startswith("-r "):
                arguments += ["-r", str(REQUIREMENTS / f"{package.removeprefix('-r ')}.txt")]
            elif package == "mailbus" or package.startswith("mailbus["):
                arguments.append(f"{package} @ {self._wheel.as_uri()}")
            else:
                arguments.append(package)
        constraints = _without_hashes(lock, home)
        _uv(
            "pip", "install", "--quiet", "--python", str(installed.python), "-c", str(constraints), *arguments
        )


def _without_hashes(lock: str, home: Path) -> Path:
    """Write the versions of a lock, and Node's: with hashes it would ask for one of the wheel too."""
    lines = [
        line for name in (lock, "node") for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    ]
    versions = [line.removesuffix("\\").strip() for line in lines if line[:1].isalpha()]
    path = home / "constraints.txt"
    path.write_text("\n".join(versions) + "\n")
    return path


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [uv.find_uv_bin(), *arguments], capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode:
        reason = f"uv {' '.join(arguments)}:\n{done.stderr[-4000:]}"
        raise AssertionError(reason)
