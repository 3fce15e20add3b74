"""The ports of a system on 127.0.0.1."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST: Final = "127.0.0.1"
# The operating systems assign no port of this range by themselves, such as to a connection of a client, so
# that a free one stays free until it is used: https://docs.kernel.org/networking/ip-sysctl.html
# (ip_local_port_range), and from 49152 on macOS.
_UNASSIGNED: Final = range(20_000, 32_768)
_ATTEMPTS: Final = 100


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """The ports on 127.0.0.1; 0 means a free port."""

    aws: int = 0
    ses: int = 0
    smtp: int = 0
    sns: int = 0
    room: int = 0


FLAGS: Final = {
    "aws": "--port",
    "ses": "--ses-port",
    "smtp": "--smtp-port",
    "sns": "--sns-port",
    "room": "--room-port",
}


def free_port() -> int:
    """Return a free port."""
    for _ in range(_ATTEMPTS):
        port = random.choice(_UNASSIGNED)  # noqa: S311 - not for security
        if _error(port) is None:
            return port
    reason = f"no port of {_UNASSIGNED.start} to {_UNASSIGNED.stop - 1} seems to be free"
    raise EmbeddedAwsError(reason)


def require_free(ports: Ports) -> None:
    """Raise if a port is in use: clients would reach another process instead of this system."""
    requested = {name: port for name, port in msgspec.structs.asdict(ports).items() if port}
    if len(set(requested.values())) < len(requested):
        given = ", ".join(f"{FLAGS[name]} {port}" for name, port in requested.items())
        reason = f"each server needs a port of its own: {given}"
        raise EmbeddedAwsError(reason)
    for name, port in requested.items():
        error = _error(port)
        if error is not None:
            flag = FLAGS[name]
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            reason = f"{flag} {port} {why}: choose another with {flag}, or leave it out for a free one"
            raise EmbeddedAwsError(reason)


@contextlib.contextmanager
def taken_ports_named(ports: Ports) -> Iterator[None]:
    """Raise what `require_free` raises if a server cannot start, because its port was taken meanwhile."""
    try:
        yield
    except (OSError, EmbeddedAwsError):
        require_free(ports)
        raise


def _error(port: int) -> OSError | None:
    with socket.socket() as probe:
        # Closed connections in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error
    return None
