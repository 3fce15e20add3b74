"""Sends the requests of botocore's clients over connections of its own, with less work than urllib3.

botocore has serialized and signed a request when it emits `before-send`, and takes the response that a
handler returns: https://docs.aws.amazon.com/botocore/latest/topics/events.html. Streams, and what goes
through a proxy, are left to botocore.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import time
from http.client import HTTPException
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

from mailbus.aws.http_responses import read_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from botocore.awsrequest import AWSPreparedRequest

# A connection that was not used for so long is not used again. One that the other side has dropped without a
# word breaks only after the request is sent: of a mail it is then not known whether SES has accepted it.
IDLE_SECONDS: Final = 20.0
# a body up to this size is sent together with its header, a larger one without a copy of it
_SMALL_BYTES: Final = 64 * 1024
_PORTS: Final = {"http": 80, "https": 443}


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes: `host` as in its header, which is signed, and `path` with the query."""

    scheme: str
    address: tuple[str, int]
    host: str
    path: str
    is_proxied: bool


class _Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that no request uses, and when it was used last, in epoch seconds."""

    socket: socket.socket
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
        # by scheme and address, those used last at the end; appending and popping are atomic
        self._idle: dict[tuple[str, tuple[str, int]], list[_Connection]] = {}

    def close(self) -> None:
        """Close the connections that no request uses."""
        for idle in self._idle.values():
            while idle:
                idle.pop().socket.close()

    def send(
        self, request: AWSPreparedRequest, *, connect_timeout: float, read_timeout: float, **_: object
    ) -> AWSResponse | None:
        """Return the response to a request, or None for one that botocore is to send.

        Timeouts are in seconds. Errors are botocore's, as it raises them itself: a `ConnectionError` if
        nothing can have been sent.
        """
        body = request.body or b""
        if request.method == "HEAD" or request.stream_output or not isinstance(body, bytes):
            return None
        target = _target(request.url)
        if target.is_proxied:
            return None
        connected = self._take(target) or self._connect(target, request.url, connect_timeout)
        try:
            connected.settimeout(read_timeout)
            _write(connected, _head(request, target), body)
            with connected.makefile("rb") as source:
                response = read_response(source)
        except TimeoutError as error:
            connected.close()
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except (OSError, HTTPException) as error:
            connected.close()
            raise ConnectionClosedError(endpoint_url=request.url, error=error, request=request) from error
        if response.is_kept:
            idle = _Connection(socket=connected, used_at=self._clock())
            self._idle.setdefault((target.scheme, target.address), []).append(idle)
        else:
            connected.close()
        headers: Any = HeadersDict(response.headers)
        return AWSResponse(request.url, response.status, headers, _Body(response.body))

    def _take(self, target: _Target) -> socket.socket | None:
        """Return an open connection that no other request uses, if there is one; close those that are old."""
        idle = self._idle.get((target.scheme, target.address), [])
        while idle:
            with contextlib.suppress(IndexError):
                last = idle.pop()
                is_old = self._clock() - last.used_at > IDLE_SECONDS
                # what can be read before a request is the other side's end of the connection
                if not is_old and not wait_for_read(last.socket, timeout=0.0):
                    return last.socket
                last.socket.close()
        return None

    def _connect(self, target: _Target, url: str, seconds: float) -> socket.socket:
        try:
            connected = socket.create_connection(target.address, timeout=seconds)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.scheme == "https":
                context = _tls(self._ca_bundle)
                connected = context.wrap_socket(connected, server_hostname=target.address[0])
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        return connected


@functools.lru_cache(maxsize=64)
def _target(url: str) -> _Target:
    parts = urlsplit(url)
    default = _PORTS[parts.scheme]
    return _Target(
        scheme=parts.scheme,
        address=(parts.hostname or "", parts.port or default),
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


def _head(request: AWSPreparedRequest, target: _Target) -> bytes:
    lines = [
        f"{request.method} {target.path} HTTP/1.1".encode(),
        b"Host: " + target.host.encode(),
        b"Accept-Encoding: identity",
    ]
    headers: Mapping[str, str | bytes] = {**request.headers}
    for name, value in headers.items():
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _write(connected: socket.socket, head: bytes, body: bytes) -> None:
    if len(body) <= _SMALL_BYTES:
        connected.sendall(head + body)
    else:
        connected.sendall(head)
        connected.sendall(body)
