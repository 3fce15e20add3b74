"""Keeps the synthesized stacks of this machine beside the packages of functions, for the next start.

A synthesis takes as long as the rest of a start. What is kept is ready to be deployed, and `cdk deploy`
leaves the functions' zip files in it. Its digest is of all that a synthesis reads.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cdk import sources
from mailbus_cdk.builds import delete_old, staged
from mailbus_local import assembly
from mailbus_local.directory import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mailbus_cdk.settings import Settings
    from mailbus_local.stop_signals import StopRequest

_NAME: Final = "assembly-"
# Each has 50 MB, most of it the functions; more systems of different code or settings seldom start together.
_KEPT: Final = 4
_INFRA: Final = Path(__file__).resolve().parents[1]
# The code that synthesizes; what is deployed with it has a digest of its own.
_CODE: Final = ("mailbus_cdk", "mailbus_local")
_PACKAGES: Final = ("aws-cdk-lib", "constructs")


def find(
    settings: Settings,
    synthesize: Callable[[], Path],
    *,
    progress: Callable[[str], None],
    stop: StopRequest,
) -> Path:
    """Return the directory of the stage's cloud assembly, adapted to this machine, for `cdk deploy --app`.

    If none is kept, `synthesize` makes one, and returns its directory. Raises what that raises,
    `ConfigurationError` and `EmbeddedAwsError`.
    """
    build = sources.find().build
    kept = build / f"{_NAME}{digest(settings, os.environ)[:16]}"
    if not kept.exists():
        with one_at_a_time(build, "synthesized the stacks", progress, stop):
            if not kept.exists():
                with staged(kept) as staging:
                    assembly.adapt(synthesize(), staging.path)
                # the copy has the time of what was copied
                os.utime(kept)
                delete_old(build, f"{_NAME}*", _KEPT)
    # no other process deletes it meanwhile
    os.utime(kept)
    return kept


def digest(settings: Settings, environment: Mapping[str, str]) -> str:
    """Return a digest (hex) of all that a synthesis of settings depends on."""
    context = sorted((name, value) for name, value in environment.items() if name.startswith("CDK_"))
    versions = [importlib.metadata.version(name) for name in _PACKAGES]
    return sources.digest(
        _code(),
        msgspec.json.encode([settings, context, versions]).decode(),
        sources.find().digest,
        platform.platform(),
        platform.python_version(),
    )


def _code() -> Iterator[tuple[str, Path]]:
    for package in _CODE:
        for path in sorted((_INFRA / package).rglob("*.py")):
            yield path.relative_to(_INFRA).as_posix(), path
