"""Finds the send queue of a stage's lane by the parameter that the stacks write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import call_errors, queue_endpoints, sessions
from mailbus.errors import ConfigurationError
from mailbus.queue_urls import check_queue_url
from mailbus.stages import LOCAL, QUEUE_URLS, Lane, parameter_name

if TYPE_CHECKING:
    from types_boto3_ssm.client import SSMClient

NOT_FOUND: Final = "ParameterNotFound"


class StageQueue(msgspec.Struct, frozen=True, kw_only=True):
    """The queue of a lane of a stage."""

    stage: str
    lane: Lane


def find(queue: StageQueue, ssm: SSMClient) -> str:
    """Return the URL of a queue. Raises `ConfigurationError`, or `SendError` if SSM fails."""
    name = parameter_name(queue.stage, QUEUE_URLS[queue.lane])
    try:
        url = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except (ClientError, BotoCoreError) as error:
        if sessions.error_code(error) == NOT_FOUND:
            reason = (
                f"there is no stage {queue.stage!r} in {ssm.meta.region_name} (no parameter {name}): correct "
                "the name, the region (AWS_DEFAULT_REGION) or the account, or deploy the stage with this "
                "version"
            )
            raise ConfigurationError(reason) from error
        permission = f"{call_errors.FIND} {name}, or correct the stage's name"
        raise call_errors.translated(error, permission) from error
    check_queue_url(url)
    return url


def check_endpoint(queue: StageQueue, endpoint: str) -> None:
    """Raise `ConfigurationError` if the stage of the embedded AWS would be looked up at AWS."""
    if queue.stage == LOCAL and queue_endpoints.is_of_aws(endpoint):
        raise not_local(endpoint)


def not_local(endpoint: str | None) -> ConfigurationError:
    """Return the error of calls that do not reach the stage of the embedded AWS."""
    leads = f"calls go to {endpoint}" if endpoint else "no region is set"
    return ConfigurationError(
        f"the stage {LOCAL!r} is on this machine, but {leads}; start it with `mailbus local`, and set the "
        'environment with eval "$(mailbus env --local)"'
    )
