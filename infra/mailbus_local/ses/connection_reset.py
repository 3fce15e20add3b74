"""Resets HTTP connections on purpose."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send
    from uvicorn.config import Config
    from uvicorn.server import ServerState

_TRANSPORT: Final = "transport"
# SO_LINGER with a timeout of 0: closing the socket sends RST instead of FIN.
_RESET: Final = struct.pack("ii", 1, 0)


class ResettableProtocol(H11Protocol):
    """Uvicorn's protocol, with the transport in the request's state."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, dict(app_state), _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own signature
        """Store the transport in the state of the connection's requests."""
        super().connection_made(transport)
        self.app_state[_TRANSPORT] = transport


class ConnectionReset(Response):
    """Resets the TCP connection instead of responding."""

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,  # noqa: ARG002 - ASGI's parameter; nothing is sent
    ) -> None:
        """Reset the connection and wait until it is closed."""
        transport: asyncio.Transport = scope["state"][_TRANSPORT]
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass
