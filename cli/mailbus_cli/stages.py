"""The outputs of a stage that is deployed in AWS, from the parameters that its stacks write."""

from __future__ import annotations

import os
from typing import Final

import boto3

from mailbus.spelling import nearest
from mailbus.stages import check_stage, parameter_name
from mailbus_cli import verbose
from mailbus_cli.errors import CommandError
from mailbus_local.environment import output_variables

_OTHER_ACCOUNT: Final = "choose account and region with AWS_PROFILE and AWS_REGION, or deploy the stage"


def session(*, profile: str | None = None, region: str | None = None) -> boto3.Session:
    """Return a session of the environment, or of a profile. Raises botocore's errors."""
    # boto3 alone among AWS's SDKs and tools reads only AWS_DEFAULT_REGION:
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
    made = boto3.Session(
        profile_name=profile,
        region_name=region or (None if profile else os.environ.get("AWS_REGION") or None),
    )
    verbose.observe(made)
    return made


def outputs(stage: str, session: boto3.Session) -> dict[str, str]:
    """Return the outputs of a stage by name.

    Raises `CommandError`, `ConfigurationError` for what is no name of a stage, and botocore's errors.
    """
    check_stage(stage)
    pages = (
        session.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=parameter_name(stage, ""))
    )
    found = {
        parameter["Name"].rpartition("/")[2]: parameter["Value"]
        for page in pages
        for parameter in page["Parameters"]
    }
    if not found:
        reason = (
            f"there is no stage {stage} in {session.region_name} of this account:"
            f" no parameters below /mailbus/{stage}/"
        )
        raise CommandError(reason, hint=_elsewhere() or _others(stage, session) or _OTHER_ACCOUNT)
    return found


def variables(stage: str, *, profile: str | None = None, region: str | None = None) -> dict[str, str]:
    """Return the environment variables of a stage in the account and region of the environment or profile.

    Raises what `outputs` raises.
    """
    own = session(profile=profile, region=region)
    found = outputs(stage, own)
    return {
        **({"AWS_PROFILE": profile} if profile else {}),
        "AWS_REGION": own.region_name,
        "AWS_DEFAULT_REGION": own.region_name,
        "MAILBUS_STAGE": stage,
        **output_variables(found),
    }


def _others(stage: str, session: boto3.Session) -> str | None:
    """Return which stages there are; None if there are none, or these credentials may not see them."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only this error needs it

    pages = (
        session.client("ssm")
        .get_paginator("get_parameters_by_path")
        .paginate(Path=parameter_name("", "").replace("//", "/"), Recursive=True)
    )
    try:
        names = sorted({each["Name"].split("/")[2] for page in pages for each in page["Parameters"]})
    except (BotoCoreError, ClientError):
        return None
    meant = nearest(stage, names)
    if meant:
        return f"did you mean `--stage {meant}`? The stages here: {', '.join(names)}"
    return f"the stages here: {', '.join(names)}; --region and --profile lead elsewhere" if names else None


def _elsewhere() -> str | None:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_SSM") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return None
    return f"AWS_ENDPOINT_URL leads to {endpoint} instead of AWS; use a new terminal, or unset it"
