"""Sets the custom domain of tracked links: when it is deployed, and every few minutes after that.

SES refuses a domain that it has not verified, and on a first deployment it has verified none: the DNS records
for that are known only afterwards. So a refused domain fails no deployment, and a later call sets it.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws import sessions
from mailbus.aws.custom_resource import Outcome, Request, handle
from mailbus.errors import ConfigurationError
from redirect_domain.aws.tracking_options import TrackingOptions

# SES takes one such call a second from everybody in the account: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_ATTEMPTS = 5
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
def wire() -> Wiring:
    """Make the client, once per process."""
    config = sessions.config(max_attempts=MAX_ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
    client = sessions.open_session().client("sesv2", config=config)
    return Wiring(options=TrackingOptions(client), log=Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Handle a request of CloudFormation's, or an event of the schedule."""
    wiring = wire()
    if "RequestType" in event:
        handle(event, lambda request: apply(request, wiring), placeholder_id=PLACEHOLDER_ID, log=wiring.log)
    else:
        set_domain(msgspec.convert(event, Wanted), wiring)


def apply(request: Request, wiring: Wiring) -> Outcome:
    """Carry out a request; raise if that fails."""
    if request.request_type == "Delete" and request.physical_resource_id == PLACEHOLDER_ID:
        return Outcome(physical_id=PLACEHOLDER_ID)
    wanted = request.properties(Wanted)
    if request.request_type == "Delete":
        _clear(wanted, wiring)
    else:
        set_domain(wanted, wiring)
    return Outcome(physical_id=f"{_PREFIX}{wanted.configuration_set_name}")


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
    found = wiring.options.find(wanted.configuration_set_name)
    if found is not None and found.domain == wanted.domain:
        wiring.options.clear(wanted.configuration_set_name)
