"""Whether SES's suppression list of the account holds an address, so that mail to it is not tried."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus_cli.printable import printable

if TYPE_CHECKING:
    from mailbus_cli.deployment import Deployment


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """An address on the list: why and since when. `command` takes it off."""

    address: str
    reason: str
    since: datetime | None
    command: str


def suppression(deployment: Deployment, address: str) -> Suppression | None:
    """Return why the list holds an address; None if it does not, or if that cannot be read.

    It is a hint beside the answer: whoever may not read the list gets the answer without it.
    """
    if {"SesRegion", "SesRoleArn"} & deployment.outputs.keys():
        # the list is that of another account or region
        return None
    try:
        found = deployment.client("sesv2").get_suppressed_destination(EmailAddress=address)
    except (ClientError, BotoCoreError):
        return None
    listed = found["SuppressedDestination"]
    return Suppression(
        address=printable(address),
        reason=str(listed.get("Reason", "")).lower(),
        since=listed.get("LastUpdateTime"),
        command=f"aws sesv2 delete-suppressed-destination --email-address {shlex.quote(printable(address))}"
        + (f" --region {deployment.region}" if not deployment.is_local else ""),
    )
