"""SNS's signing certificates: checks their address, fetches and caches them."""

from __future__ import annotations

import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography import x509

from mailbus.aws.partitions import REGION, dns_suffix
from mailbus.errors import SignatureError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

# SNS waits 15 s for an answer: https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
SOCKET_SECONDS: Final = 2.0
WHOLE_SECONDS: Final = 5.0
# A certificate has about 2 KB.
CERTIFICATE_BYTES: Final = 32 * 1024
CHUNK_BYTES: Final = 4096
CACHED_CERTIFICATES: Final = 64

# One pattern for the whole text instead of a URL parser: two parsers may disagree on the host. A region is
# matched exactly: `sns.s3-us-west-2.amazonaws.com` is the bucket of whoever owns the name "sns".
_URL: Final = re.compile(
    rf"https://sns\.(?P<region>{REGION})\.(?P<suffix>[a-z0-9.-]+)/SimpleNotificationService-[0-9a-f]{{1,64}}\.pem",
    re.ASCII,
)


class Unreachable(msgspec.Struct, frozen=True, kw_only=True):
    """SNS's host returned no certificate; a retry may help."""

    reason: str


def require_certificate_url(url: str) -> str:
    """Return a certificate's URL; raise `SignatureError` if it is not one of SNS's."""
    parts = _URL.fullmatch(url)
    if parts is None or parts["suffix"] != dns_suffix(parts["region"]):
        reason = "SigningCertURL is not one of SNS's: https://sns.<region>.<its partition's domain>/...pem"
        raise SignatureError(reason)
    return url


def make_opener() -> urllib.request.OpenerDirector:
    """Return an opener for HTTPS, with the environment's proxy and authorities. It follows no redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
    ):
        opener.add_handler(handler)
    return opener


def fetch(
    url: str, opener: urllib.request.OpenerDirector, *, clock: Callable[[], float] = time.monotonic
) -> bytes | Unreachable:
    """Return the file at one of SNS's URLs.

    Everything else is `Unreachable`, a 404 too: for a message that SNS signed it is temporary.
    """
    until = clock() + WHOLE_SECONDS
    try:
        with opener.open(require_certificate_url(url), timeout=SOCKET_SECONDS) as response:
            if response.status != http.client.OK:
                return Unreachable(reason=f"status {response.status}")
            return _read(response, until, clock)
    except urllib.error.URLError as error:
        # The wrapped error is more specific: a name that does not resolve, a certificate that is not trusted.
        return Unreachable(reason=type(error.reason).__name__)
    except (OSError, http.client.HTTPException) as error:
        return Unreachable(reason=type(error).__name__)


def _read(
    response: http.client.HTTPResponse, until: float, clock: Callable[[], float]
) -> bytes | Unreachable:
    content = b""
    while chunk := response.read1(CHUNK_BYTES):
        content += chunk
        if len(content) > CERTIFICATE_BYTES:
            return Unreachable(reason="too large")
        if clock() > until:
            return Unreachable(reason="too slow")
    return content


class Certificates:
    """Fetches certificates, and caches those that are valid."""

    def __init__(self, fetch_file: Callable[[str], bytes | Unreachable]) -> None:
        self._fetch = fetch_file
        self._cached: dict[str, x509.Certificate] = {}

    def get(self, url: str, now: datetime) -> x509.Certificate | Unreachable:
        """Return the certificate at a URL; raise `SignatureError` if the URL is not one of SNS's."""
        cached = self._cached.get(require_certificate_url(url))
        if cached is not None and cached.not_valid_before_utc <= now <= cached.not_valid_after_utc:
            return cached
        content = self._fetch(url)
        if isinstance(content, Unreachable):
            return content
        try:
            certificate = x509.load_pem_x509_certificate(content)
        except ValueError:
            return Unreachable(reason="not a certificate")
        if len(self._cached) >= CACHED_CERTIFICATES:
            self._cached.clear()
        self._cached[url] = certificate
        return certificate
