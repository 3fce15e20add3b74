"""The certificates that SNS signs with: where they may come from, and the edge that fetches them."""

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

from mailbus.errors import SignatureError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

# SNS waits 15 s for an answer: https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
SOCKET_SECONDS: Final = 2.0
WHOLE_SECONDS: Final = 5.0
# they have about 2 KB
CERTIFICATE_BYTES: Final = 32 * 1024
CHUNK_BYTES: Final = 4096
REMEMBERED: Final = 64

# One pattern for the whole text, and no parser of URLs: two parsers disagree on what a host is.
# A region is no mere word: `sns.s3-us-west-2.amazonaws.com` is anybody's bucket that is called "sns".
_URL: Final = re.compile(
    r"https://sns\.(?:cn-[a-z]+-[0-9]\.amazonaws\.com\.cn|(?!cn-)[a-z]{2}(?:-[a-z]+)+-[0-9]\.amazonaws\.com)"
    r"/SimpleNotificationService-[0-9a-f]{1,64}\.pem",
    re.ASCII,
)


class Unreachable(msgspec.Struct, frozen=True, kw_only=True):
    """No certificate from SNS's host, for now."""

    reason: str


def require_certificate_url(url: str) -> str:
    """Refuse every place but SNS's own for its certificates."""
    if _URL.fullmatch(url) is None:
        reason = "SigningCertURL is not one of SNS's: https://sns.<region>.amazonaws.com/...pem"
        raise SignatureError(reason)
    return url


def make_opener() -> urllib.request.OpenerDirector:
    """Make what opens https, by the proxy and the authorities of the environment, and follows no redirect."""
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
    """Get what lies at an address of SNS's.

    Whatever else comes than the file is `Unreachable`, a 404 too: for a message that SNS did sign it passes.
    """
    until = clock() + WHOLE_SECONDS
    try:
        with opener.open(require_certificate_url(url), timeout=SOCKET_SECONDS) as response:
            if response.status != http.client.OK:
                return Unreachable(reason=f"status {response.status}")
            return _read(response, until, clock)
    except urllib.error.URLError as error:
        # what it wraps says more: a name that does not resolve, a host that is not believed
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
    """Fetches certificates, and remembers those that are valid."""

    def __init__(self, fetch_file: Callable[[str], bytes | Unreachable]) -> None:
        self._fetch = fetch_file
        self._known: dict[str, x509.Certificate] = {}

    def get(self, url: str, now: datetime) -> x509.Certificate | Unreachable:
        """Give the certificate at an address; where that is not SNS's, it is a `SignatureError`."""
        known = self._known.get(require_certificate_url(url))
        if known is not None and known.not_valid_before_utc <= now <= known.not_valid_after_utc:
            return known
        content = self._fetch(url)
        if isinstance(content, Unreachable):
            return content
        try:
            certificate = x509.load_pem_x509_certificate(content)
        except ValueError:
            return Unreachable(reason="not a certificate")
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[url] = certificate
        return certificate
