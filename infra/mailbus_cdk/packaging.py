"""Packages the functions' code as one directory, without Docker.

There are two layers in the build directory, each named after a digest of its sources, so that a changed
function does not install the packages again:

    packages-<key>/  the locked runtime packages for one platform and Python, pruned and compiled
    code-<key>/      the packages and the functions: the directory that Lambda unpacks to /var/task

Compiled files are `unchecked-hash`: Lambda's code directory is read-only, and a zip's timestamps
would invalidate ordinary ones (https://docs.python.org/3/reference/import.html#pyc-invalidation).
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import uv

from mailbus.errors import ConfigurationError
from mailbus_cdk.builds import delete_old, staged
from mailbus_cdk.sources import digest, find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus_cdk.settings.values import Architecture
    from mailbus_cdk.sources import Sources

TASK_ROOT: Final = "/var/task"
#: The key of the CDK's context with another architecture than the settings': "host" on the embedded AWS.
ARCHITECTURE_CONTEXT: Final = "mailbus:architecture"
# Longer output of a command is cut in errors.
SHOWN_CHARACTERS: Final = 400

Machine = Literal["arm64", "x86_64"]

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html; aws-cdk-lib has constants for these.
RUNTIME_MINORS: Final = (11, 12, 13, 14)

_UV_PLATFORMS: Final[dict[Machine, str]] = {
    "arm64": "aarch64-manylinux2014",
    "x86_64": "x86_64-manylinux2014",
}
_MACHINES: Final[dict[str, Machine]] = {
    "aarch64": "arm64",
    "arm64": "arm64",
    "amd64": "x86_64",
    "x86_64": "x86_64",
}

# The models of the services that the functions call, and of sts, which botocore itself calls.
# The models of all services are 28 MB.
SERVICE_MODELS: Final = (
    "dynamodb",
    "events",
    "kms",
    "s3",
    "scheduler",
    "secretsmanager",
    "ses",
    "sesv2",
    "sns",
    "sqs",
    "sts",
)

_PRUNED: Final = (
    "*.dist-info",
    "bin",
    "**/__pycache__",
    "**/tests",
    "**/py.typed",
    "**/*.pyi",
    "boto3/data",
    "boto3/examples",
    "botocore/data/*/*/examples-1.json*",
)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The platform of the functions. `uv_platform` is None for this machine."""

    machine: Machine
    uv_platform: str | None
    minor: int


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A directory to deploy, and the digest (hex) of its sources."""

    path: Path
    digest: str


def target(architecture: Architecture) -> Target:
    """Return the platform for an architecture, with the running Python's minor version as runtime.

    Raises `ConfigurationError` if Lambda does not support it.
    """
    minor = sys.version_info.minor
    if minor not in RUNTIME_MINORS:
        known = ", ".join(f"3.{known}" for known in RUNTIME_MINORS)
        reason = f"Lambda has no runtime for Python 3.{minor}; create the environment with one of {known}"
        raise ConfigurationError(reason)
    if architecture != "host":
        return Target(machine=architecture, uv_platform=_UV_PLATFORMS[architecture], minor=minor)
    machine = platform.machine().lower()
    if machine not in _MACHINES:
        reason = f"architecture: Lambda does not run on this host's {machine}; use arm64 or x86_64"
        raise ConfigurationError(reason)
    return Target(machine=_MACHINES[machine], uv_platform=None, minor=minor)


def build(architecture: Architecture, sources: Sources | None = None) -> Package:
    """Return the package for an architecture, built if it does not exist yet; of this package's own sources.

    Raises `ConfigurationError` if that fails.
    """
    sources = sources or find()
    goal = target(architecture)
    host = platform.platform(terse=True) if goal.uv_platform is None else ""
    packages_key = digest([("lock", sources.lock), ("packaging", Path(__file__))], repr(goal), host)
    code_key = digest(sources.modules(), packages_key)
    code = sources.build / f"code-{code_key[:16]}"
    if not code.exists():
        packages = sources.build / f"packages-{packages_key[:16]}"
        if not packages.exists():
            sys.stderr.write(f"mailbus: packaging the functions for {goal.machine}, once for this version\n")
            with staged(packages) as staging:
                _install(sources.lock, goal, staging.path)
                _prune(staging.path)
                _compile(staging.path)
        # no other process deletes them meanwhile
        os.utime(packages)
        with staged(code) as staging:
            # Hard links: the layer is shared, and is never written to.
            shutil.copytree(packages, staging.path, copy_function=os.link, dirs_exist_ok=True)
            _compile(staging.path, _copy(sources, staging.path))
        delete_old(sources.build, "code-*")
        delete_old(sources.build, "packages-*")
    os.utime(code)
    return Package(path=code, digest=code_key)


def _install(lock: Path, goal: Target, into: Path) -> None:
    command = [
        *(uv.find_uv_bin(), "pip", "install", "--quiet", "--color", "never", "--target", str(into)),
        *("--python", sys.executable, "--python-version", f"3.{goal.minor}"),
        *(("--python-platform", goal.uv_platform) if goal.uv_platform else ()),
        *("--only-binary", ":all:", "--no-deps", "--require-hashes", "--link-mode", "copy"),
        *("-r", str(lock)),
    ]
    # Packages that are in uv's cache need no network: the lock has their hashes.
    if _run([*command, "--offline"], into).returncode == 0:
        return
    # An index may be named in the project's own settings of uv, but these may have constraints, too, which
    # `--require-hashes` does not allow: https://docs.astral.sh/uv/reference/settings/#constraint-dependencies
    result = _run(command)
    if result.returncode:
        result = _run(command, into)
    if result.returncode:
        reason = (
            f"packaging for {goal.machine}: uv cannot install the packages of {lock.name}, which it needs "
            "once from PyPI, or from the index that UV_DEFAULT_INDEX names; make it reachable, and retry: "
            f"{_one_line(result.stderr)}"
        )
        raise ConfigurationError(reason)


def _run(command: list[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)  # noqa: S603 - a command of our own


def _one_line(output: str) -> str:
    line = " ".join(output.split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"


def _prune(packages: Path) -> None:
    kept = {*SERVICE_MODELS}
    models = [path for path in (packages / "botocore" / "data").iterdir() if path.is_dir()]
    unused = [path for path in models if path.name not in kept]
    for path in [*unused, *(path for pattern in _PRUNED for path in packages.glob(pattern))]:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()


def _compile(directory: Path, only: Iterable[Path] = ()) -> None:
    """Compile a directory, or `only` parts of it, with the paths of Lambda's tracebacks."""
    names = [str(path) for path in only] or [str(directory)]
    command = [
        *(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(directory), "-p", TASK_ROOT, *names),
    ]
    result = _run(command)
    if result.returncode:
        reason = f"packaging: the code does not compile: {_one_line(result.stdout)}"
        raise ConfigurationError(reason)


def _copy(sources: Sources, into: Path) -> list[Path]:
    """Copy the functions, and return their top directories."""
    packages = set()
    for name, path in sources.modules():
        copy = into / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        packages.add(into / Path(name).parts[0])
    return sorted(packages)
