"""The functions run the code of the installed version, and all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus import __version__
from mailbus_cdk import sources
from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

SHOWN: Final = 8


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """A version, and the digest of its functions' code."""

    version: str
    digest: str


def judge(deployed: Build, installed: Build, *, local: bool) -> Verdict:
    """Judge what is deployed against what is installed here."""
    again = "start `mailbus local` again" if local else "deploy the stage, or install its version here"
    if deployed.version != installed.version:
        return warning(
            f"version {deployed.version} is deployed, {installed.version} is installed here", fix=again
        )
    if deployed.digest != installed.digest:
        return warning(
            f"version {deployed.version} is deployed with other code ({deployed.digest[:SHOWN]}) than is "
            f"installed here ({installed.digest[:SHOWN]})",
            fix=again,
        )
    return ok(f"version {deployed.version}, as installed here")


def judge_functions(hashes: Mapping[str, str]) -> Verdict:
    """Judge whether the functions have the same code, by the hash of each."""
    usual = max(hashes.values(), key=[*hashes.values()].count, default="")
    others = [name for name, found in hashes.items() if found != usual]
    if others:
        return warning(
            f"the code of {', '.join(others)} is not that of the other functions: it was changed by hand",
            fix="deploy the stage again",
        )
    return ok("the same")


def _run(facts: Facts) -> Verdict:
    version, digest = facts.output("Version"), facts.output("CodeDigest")
    if version is None or digest is None:
        return elsewhere.old_deployment("Version")
    installed = Build(version=__version__, digest=sources.find().digest)
    verdict = judge(Build(version=version, digest=digest), installed, local=facts.deployment.is_local)
    hashes = {name: str(facts.function(function)["CodeSha256"]) for name, function in facts.functions.items()}
    return combined([verdict, judge_functions(hashes)], fine=verdict.text)


CHECK: Final = Check(name="code", title="Code", rights=("lambda:GetFunctionConfiguration",), run=_run)
