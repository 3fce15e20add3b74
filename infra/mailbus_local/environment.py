"""Environment variables with which applications and AWS's tools use a running system."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Final

from mailbus.stages import LOCAL
from mailbus_local.ministack import CREDENTIALS, without_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# From the name of a stack's output, such as SendQueueUrl, to SEND_QUEUE_URL. Other keys are in lower case.
_OUTPUT: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def variables(outputs: Mapping[str, object]) -> dict[str, str]:
    """Return the variables of a system with these outputs: AWS's own, and one for each stack output.

    AWS's tools and SDKs read `AWS_ENDPOINT_URL_<SERVICE>` before `AWS_ENDPOINT_URL`:
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    ses, region = str(outputs["ses_endpoint_url"]), str(outputs["region"])
    return {
        "AWS_ENDPOINT_URL": str(outputs["endpoint_url"]),
        "AWS_ENDPOINT_URL_SES": ses,
        "AWS_ENDPOINT_URL_SESV2": ses,
        "AWS_ENDPOINT_URL_SNS": str(outputs["sns_endpoint_url"]),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **CREDENTIALS,
        "MAILBUS_STAGE": str(outputs.get("stage", LOCAL)),
        "MAILBUS_SMTP_HOST": str(outputs["smtp_host"]),
        "MAILBUS_SMTP_PORT": str(outputs["smtp_port"]),
        **output_variables(outputs),
    }


def output_variables(outputs: Mapping[str, object]) -> dict[str, str]:
    """Return the variables of stack outputs, such as SEND_QUEUE_URL of SendQueueUrl."""
    return {
        _WORD.sub("_", name).upper(): str(value) for name, value in outputs.items() if _OUTPUT.fullmatch(name)
    }


@contextlib.contextmanager
def activated(own: Mapping[str, str]) -> Iterator[None]:
    """Set variables in this process for a while, in place of all of AWS's: a profile may not exist here."""
    new = {**own, **without_proxy()}
    before = {name: value for name, value in os.environ.items() if name in new or name.startswith("AWS_")}
    _replace(before, new)
    try:
        yield
    finally:
        _replace(new, before)


def _replace(old: Mapping[str, str], new: Mapping[str, str]) -> None:
    for name in old:
        os.environ.pop(name, None)
    os.environ.update(new)
