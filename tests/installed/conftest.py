"""What is tested here is the wheel, installed into fresh environments outside of the checkout."""

from __future__ import annotations

import fcntl
import subprocess
from typing import TYPE_CHECKING

import pytest
import uv

from tests.architecture.source_tree import ROOT
from tests.installed.environments import Installer
from tests.installed.interpreters import PYTHONS

if TYPE_CHECKING:
    from pathlib import Path


def build_distributions(source: Path, into: Path) -> None:
    """Build the sdist, and from it the wheel, as `make dist` does."""
    subprocess.run(
        [
            *(uv.find_uv_bin(), "build", "--quiet", "--out-dir", str(into)),
            *("--build-constraints", str(source / "requirements" / "build.txt"), "--require-hashes"),
            str(source),
        ],
        check=True,
        cwd=source,
    )


@pytest.fixture(scope="session")
def shared_directory(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A directory of this run that all workers share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def distributions(shared_directory: Path) -> Path:
    """The directory of the sdist and the wheel, built once for all workers."""
    built = shared_directory / "distributions"
    with built.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            build_distributions(ROOT, built.with_suffix(".new"))
            built.with_suffix(".new").rename(built)
    return built


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    return next(distributions.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist(distributions: Path) -> Path:
    return next(distributions.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def pythons() -> dict[str, str]:
    """The interpreters of this machine by version, such as "3.12"."""
    return PYTHONS


@pytest.fixture(scope="session")
def install(wheel: Path, shared_directory: Path) -> Installer:
    return Installer(wheel, shared_directory)
