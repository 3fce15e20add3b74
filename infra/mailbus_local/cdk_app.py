"""An application's own CDK app on the embedded AWS, in place of the stage `local`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.stages import parameter_name
from mailbus_local import assembly
from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_ssm.client import SSMClient

STAGE: Final = "stage"
# what the CDK appends to the name of an output in a construct
_HASH: Final = r"[0-9A-F]{8}"


class CdkApp(msgspec.Struct, frozen=True, kw_only=True):
    """The command of a CDK app, such as `python3 app.py`, the folder to run it in, and its region."""

    command: str
    folder: Path
    region: str


def check_regions(app: CdkApp, synthesized: Path) -> None:
    """Raise `EmbeddedAwsError` if a stack is for another region than the app."""
    for stack, region in assembly.regions(synthesized).items():
        if region != app.region:
            reason = f"the stack {stack} is for {region}, not {app.region}; use --region {region}"
            raise EmbeddedAwsError(reason)


def stage_outputs(ssm: SSMClient) -> dict[str, str]:
    """Return the name and the outputs of the one stage that is deployed; nothing if there are several."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/mailbus/", Recursive=True)
    values = {found["Name"]: found["Value"] for page in pages for found in page["Parameters"]}
    stages = {name.split("/")[2] for name in values}
    if len(stages) != 1:
        return {}
    (stage,) = stages
    prefix = parameter_name(stage, "")
    return {STAGE: stage, **{name.removeprefix(prefix): value for name, value in values.items()}}


def own_outputs(outputs: Mapping[str, str], stage: Mapping[str, str]) -> dict[str, str]:
    """Return the outputs of an app's stacks without those that the outputs of its stage repeat."""
    if not stage:
        return dict(outputs)
    repeated = re.compile(rf"\w*({'|'.join(map(re.escape, stage))}){_HASH}")
    return {name: value for name, value in outputs.items() if not repeated.fullmatch(name)}
