"""The edge to SES's tracking options of configuration sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
from botocore.exceptions import ClientError

from mailbus.aws.sessions import error_code

if TYPE_CHECKING:
    from types_boto3_sesv2.client import SESV2Client

# The words by which SES refuses a domain that is not verified: "Domain <links.example.com> is not verified
# under this account." Any other wrong input has the same code. SES documents no words; these are what
# https://github.com/floci-io/floci saw of it (SesConfigurationSetService.java).
UNVERIFIED: Final = "is not verified"

HttpsPolicy = Literal["REQUIRE", "REQUIRE_OPEN_ONLY", "OPTIONAL"]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The tracking options of a configuration set; without a `domain`, links are of SES's own."""

    domain: str | None = None
    # SES's own default
    https_policy: HttpsPolicy = "OPTIONAL"


class TrackingOptions:
    """The tracking options of configuration sets in this account and region."""

    def __init__(self, client: SESV2Client) -> None:
        self._client = client

    def find(self, configuration_set: str) -> Found | None:
        """Return the options of a configuration set; None if there is no such set."""
        try:
            answer = self._client.get_configuration_set(ConfigurationSetName=configuration_set)
        except ClientError as error:
            if error_code(error) != "NotFoundException":
                raise
            return None
        options = answer.get("TrackingOptions", {})
        return Found(
            domain=options.get("CustomRedirectDomain") or None,
            https_policy=options.get("HttpsPolicy", "OPTIONAL"),
        )

    def put(self, configuration_set: str, domain: str, before: Found) -> bool:
        """Set the domain; return False if SES has not verified it, or a domain above it."""
        try:
            self._client.put_configuration_set_tracking_options(
                ConfigurationSetName=configuration_set,
                CustomRedirectDomain=domain,
                HttpsPolicy=before.https_policy,
            )
        except ClientError as error:
            if error_code(error) != "BadRequestException" or UNVERIFIED not in str(error):
                raise
            return False
        return True

    def clear(self, configuration_set: str) -> None:
        """Let links be of SES's own domain, without an HTTPS policy, which SES takes with a domain only."""
        self._client.put_configuration_set_tracking_options(ConfigurationSetName=configuration_set)
