"""Where the calls about a queue go: to AWS, in the region in the queue's URL, or to an embedded AWS."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from mailbus.aws.partitions import REGION, dns_suffix, partitions
from mailbus.errors import ConfigurationError

# today's queue URLs, and those of https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
_OF_AWS: Final = re.compile(
    rf"https://(?:sqs\.(?P<today>{REGION})|(?P<legacy>{REGION})\.queue)\.(?P<suffix>[a-z0-9.-]+)/"
)


def region_in(url: str) -> str | None:
    """Return the region in a queue's URL; None if the URL is not one of AWS's own."""
    found = _OF_AWS.match(url)
    region = found and (found["today"] or found["legacy"])
    return region if found and region and found["suffix"] == dns_suffix(region) else None


def check_endpoint(url: str, endpoint: str) -> None:
    """Raise `ConfigurationError` if calls about the queue of an embedded AWS would go to AWS."""
    if is_of_aws(endpoint) and not is_of_aws(url):
        place = urlsplit(url)
        reason = (
            f"the queue is at {place.scheme}://{place.netloc}, but calls go to {endpoint}; set the "
            f"environment variable AWS_ENDPOINT_URL to {place.scheme}://{place.netloc}"
        )
        raise ConfigurationError(reason)


def is_of_aws(url: str) -> bool:
    """Return True if the host of a URL is AWS's."""
    host = urlsplit(url).hostname or ""
    return any(host.endswith(f".{one.dns_suffix}") for one in partitions())
