"""Stacks for the embedded AWS, as `System.deploy` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cdk.feature_flags import FEATURE_FLAGS
from mailbus_local import assembly

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App

    from mailbus_cdk.settings import Settings


def synthesize(directory: Path, add_stacks: Callable[[App], object]) -> Path:
    """Return the assembly of an app with the stacks that `add_stacks` adds to it, below a directory."""
    from aws_cdk import App  # noqa: PLC0415 - it starts Node

    # tests/infra validates what is deployed here
    app = App(
        outdir=str(directory / "synthesized"),
        context={**FEATURE_FLAGS, "@aws-cdk/core:annotationsInValidationReport": False},
        builtin_cloud_formation_validation=False,
    )
    add_stacks(app)
    app.synth()
    assembly.adapt(directory / "synthesized", directory / "adapted")
    return directory / "adapted"


def synthesize_stage(directory: Path, settings: Settings) -> Path:
    """Return the assembly of a stage, below a directory."""
    from mailbus_cdk.mailbus import deployment  # noqa: PLC0415 - it imports aws_cdk

    return synthesize(directory, lambda app: deployment(app, settings=settings))
