"""Sets the custom domain of tracked links: when it is deployed, and every few minutes after that.

SES refuses a domain that it has not verified, and on a first deployment it has verified none: the DNS records
for that are known only afterwards. So a refused domain fails no deployment, and a later call sets it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.custom_resource import NOT_ALLOWED, Outcome, Request, client_config, handle, has_time
from mailbus.aws.sessions import error_code
from mailbus.errors import ConfigurationError
from redirect_domain.aws.tracking_options import TrackingOptions

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_sesv2.client import SESV2Client

# The physical id of a resource that was not created: its deletion changes nothing.
PLACEHOLDER_ID = "no-redirect-domain"
_PREFIX = "redirect-domain/"


class Wanted(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A configuration set and its domain: the properties of the resource, and the event of the schedule."""

    configuration_set_name: str
    domain: str


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """The function's clients."""

    options: TrackingOptions
    log: Logger


@functools.cache
def client() -> SESV2Client:
    """Make the client, once per process."""
    return sessions.open_session().client("sesv2", config=client_config())


def wire(context: LambdaContext) -> Wiring:
    """Return the function's clients, which make no call that would take the time to answer."""
    ses = sessions.with_deadline(client(), lambda: has_time(context))
    return Wiring(options=TrackingOptions(ses), log=Logger())


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Handle a request of CloudFormation's, or an event of the schedule."""
    wiring = wire(context)
    if "RequestType" in event:
        handle(event, lambda request: apply(request, wiring), placeholder_id=PLACEHOLDER_ID, log=wiring.log)
    else:
        set_domain(msgspec.convert(event, Wanted), wiring)


def apply(request: Request, wiring: Wiring) -> Outcome:
    """Carry out a request; raise if that fails."""
    if request.request_type == "Delete" and request.physical_resource_id == PLACEHOLDER_ID:
        return Outcome(physical_id=PLACEHOLDER_ID)
    wanted = request.properties(Wanted)
    own_id = f"{_PREFIX}{wanted.configuration_set_name}"
    if request.request_type == "Delete":
        _clear(wanted, wiring)
        return Outcome(physical_id=request.physical_resource_id or own_id)
    try:
        set_domain(wanted, wiring)
    except Exception as error:  # noqa: BLE001 - SES may have set it though its answer was lost
        # With this id CloudFormation rolls the creation back.
        return Outcome(physical_id=request.physical_resource_id or own_id, failure=error)
    return Outcome(physical_id=own_id)


def set_domain(wanted: Wanted, wiring: Wiring) -> None:
    """Set the domain if it is not set and SES has verified it; raise if there is no configuration set."""
    name, domain = wanted.configuration_set_name, wanted.domain
    found = wiring.options.find(name)
    if found is None:
        reason = f"SES has no configuration set {name}; deploy its stack again, which creates it"
        raise ConfigurationError(reason)
    if found.domain == domain:
        return
    if wiring.options.put(name, domain, found):
        wiring.log.info("set", configuration_set=name, domain=domain, before=found.domain)
    else:
        wiring.log.warning("refused until SES has verified it", configuration_set=name, domain=domain)


def _clear(wanted: Wanted, wiring: Wiring) -> None:
    try:
        found = wiring.options.find(wanted.configuration_set_name)
    except Exception as error:
        if error_code(error) not in NOT_ALLOWED:
            raise
        # The role has rights on the set of the settings alone, which an update has changed.
        reason = (
            f"the function may not read the configuration set {wanted.configuration_set_name}, since the "
            f"stack uses another one; if it still exists, its links stay of {wanted.domain} until you run "
            "aws sesv2 put-configuration-set-tracking-options --configuration-set-name "
            f"{wanted.configuration_set_name}"
        )
        raise ConfigurationError(reason) from error
    if found is not None and found.domain == wanted.domain:
        wiring.options.clear(wanted.configuration_set_name)
