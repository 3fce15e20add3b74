"""Sends the requests of botocore's clients by Python's own `http.client`, with less work than by urllib3.

botocore has serialized and signed a request when it emits `before-send`, and takes the response that a
handler returns: https://docs.aws.amazon.com/botocore/latest/topics/events.html. Streams, and what goes
through a proxy, are left to botocore.
"""

from __future__ import annotations

import contextlib
import functools
import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies
from urllib3.util import wait_for_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest

# A connection that was not used for so long is not used again. One that the other side has dropped without a
# word breaks only after the request is sent: of a mail it is then not known whether SES has accepted it.
IDLE_SECONDS: Final = 20.0
_PORTS: Final = {"http": 80, "https": 443}


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes: `host` as in its header, which is signed, and `path` with the query."""

    origin: tuple[str, str, int]
    host: str
    path: str
    is_proxied: bool


class _Idle(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that no request uses, and when it was used last, in epoch seconds."""

    connection: HTTPConnection
    used_at: float


class _Body(BytesIO):
    """The body of a response, as `AWSResponse` reads it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield the body, whole."""
        yield self.read()


class Connections:
    """The connections of a process's clients, which several threads use at a time.

    `ca_bundle` is a file of certificates in place of botocore's. `clock` returns epoch seconds: a monotonic
    clock would stop while a function is frozen.
    """

    def __init__(self, *, ca_bundle: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self._ca_bundle = ca_bundle
        self._clock = clock
        # by origin, those used last at the end; appending and popping are atomic
        self._idle: dict[tuple[str, str, int], list[_Idle]] = {}

    def close(self) -> None:
        """Close the connections that no request uses."""
        for idle in self._idle.values():
            while idle:
                idle.pop().connection.close()

    def send(
        self, request: AWSPreparedRequest, *, connect_timeout: float, read_timeout: float, **_: object
    ) -> AWSResponse | None:
        """Return the response to a request, or None for one that botocore is to send.

        Timeouts are in seconds. Errors are botocore's, as it raises them itself: a `ConnectionError` if
        nothing can have been sent.
        """
        body = request.body or b""
        if request.stream_output or not isinstance(body, bytes):
            return None
        target = _target(request.url)
        if target.is_proxied:
            return None
        connection = self._take(target) or self._connected(target, request.url, connect_timeout)
        try:
            connection.sock.settimeout(read_timeout)
            # the request's own headers are signed
            connection.putrequest(request.method, target.path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", target.host)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except (OSError, HTTPException) as error:
            connection.close()
            raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from error
        if not response.will_close:
            idle = _Idle(connection=connection, used_at=self._clock())
            self._idle.setdefault(target.origin, []).append(idle)
        headers: Any = HeadersDict(response.headers.items())
        return AWSResponse(request.url, response.status, headers, _Body(content))

    def _take(self, target: _Target) -> HTTPConnection | None:
        """Return an open connection that no other request uses, if there is one; close those that are old."""
        idle = self._idle.get(target.origin, [])
        while idle:
            with contextlib.suppress(IndexError):
                last = idle.pop()
                is_old = self._clock() - last.used_at > IDLE_SECONDS
                # what can be read before a request is the other side's end of the connection
                if not is_old and not wait_for_read(last.connection.sock, timeout=0.0):
                    return last.connection
                last.connection.close()
        return None

    def _connected(self, target: _Target, url: str, seconds: float) -> HTTPConnection:
        scheme, name, port = target.origin
        connection = (
            HTTPSConnection(name, port, timeout=seconds, context=_tls(self._ca_bundle))
            if scheme == "https"
            else HTTPConnection(name, port, timeout=seconds)
        )
        try:
            connection.connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        return connection


@functools.lru_cache(maxsize=64)
def _target(url: str) -> _Target:
    parts = urlsplit(url)
    default = _PORTS[parts.scheme]
    return _Target(
        origin=(parts.scheme, parts.hostname or "", parts.port or default),
        host=parts.netloc.lower().removesuffix(f":{default}"),
        path=f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
        is_proxied=parts.scheme in get_environ_proxies(url),
    )


@functools.cache
def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    # once in a process: to read all certificates takes longer than to connect
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_bundle or get_cert_path(verify=True))
    return context
