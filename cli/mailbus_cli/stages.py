"""The outputs of a stage that is deployed in AWS, from the parameters that its stacks write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from mailbus.stages import check_stage, parameter_name
from mailbus_cli.errors import CommandError
from mailbus_local.environment import output_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREDENTIALS: Final = "set AWS_PROFILE, or log in (aws sso login)"
_REGION: Final = "set AWS_REGION to the stage's region, or AWS_PROFILE"
_RIGHTS: Final = "these credentials need ssm:GetParametersByPath on parameter/mailbus/*"
# By AWS's error code, or the name of botocore's error.
_HINTS: Final[Mapping[str, str]] = {
    NoCredentialsError.__name__: _CREDENTIALS,
    NoRegionError.__name__: _REGION,
    "AccessDeniedException": _RIGHTS,
    "ExpiredTokenException": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
}


def session(*, profile: str | None = None, region: str | None = None) -> boto3.Session:
    """Return a session of the environment, or of a profile. Raises `CommandError` if there is none such."""
    # boto3 alone among AWS's SDKs and tools reads only AWS_DEFAULT_REGION:
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
    try:
        return boto3.Session(
            profile_name=profile,
            region_name=region or (None if profile else os.environ.get("AWS_REGION") or None),
        )
    except BotoCoreError as error:
        raise CommandError(" ".join(str(error).split()), hint=_CREDENTIALS) from error


def outputs(stage: str, session: boto3.Session) -> dict[str, str]:
    """Return the outputs of a stage by name.

    Raises `CommandError`, and `ConfigurationError` for what is no name of a stage.
    """
    check_stage(stage)
    try:
        ssm = session.client("ssm")
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=parameter_name(stage, ""))
        found = {
            parameter["Name"].rpartition("/")[2]: parameter["Value"]
            for page in pages
            for parameter in page["Parameters"]
        }
    except (BotoCoreError, ClientError) as error:
        response: Mapping[str, Mapping[str, str]] = getattr(error, "response", {})
        code = response.get("Error", {}).get("Code") or type(error).__name__
        reason = f"the parameters of stage {stage} cannot be read: {' '.join(str(error).split())}"
        raise CommandError(reason, hint=_HINTS.get(code, _elsewhere())) from error
    if not found:
        region = session.region_name
        reason = (
            f"there is no stage {stage} in {region} of this account: no parameters below /mailbus/{stage}/"
        )
        raise CommandError(reason, hint=_elsewhere())
    return found


def variables(stage: str) -> dict[str, str]:
    """Return the environment variables of a stage in the account and region of the environment.

    Raises what `outputs` raises.
    """
    own = session()
    found = outputs(stage, own)
    return {
        "AWS_REGION": own.region_name,
        "AWS_DEFAULT_REGION": own.region_name,
        "MAILBUS_STAGE": stage,
        **output_variables(found),
    }


def _elsewhere() -> str:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_SSM") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return f"AWS_ENDPOINT_URL leads to {endpoint} instead of AWS; use a new terminal, or unset it"
    return "choose account and region with AWS_PROFILE and AWS_REGION, or deploy the stage"
