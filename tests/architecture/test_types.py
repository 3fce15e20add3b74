"""What mypy reads of the CDK: all that is used, since anything else has no types for it."""

from __future__ import annotations

import tomllib

from tests.architecture.source_tree import ROOT, SOURCES, imports, modules, parse


def test_every_module_of_the_cdk_that_is_used_is_read_for_its_types() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [read] = [
        set(override["module"])
        for override in settings["tool"]["mypy"]["overrides"]
        if override.get("follow_imports") == "normal"
    ]
    sources = {**SOURCES, **modules(ROOT / "tests", ROOT)}
    names = {name for path in sources.values() for name in imports(parse(path))}
    used = {".".join(name.split(".")[:2]) for name in names if name.startswith("aws_cdk.")}
    # classes and functions are of the package itself
    used = {module for module in used if module.partition(".")[2].islower()}
    assert "aws_cdk.aws_sqs" in used
    assert used <= read
