"""HTTP connections that can be broken on purpose."""

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
# lingering on, for no time: closing then sends a reset, not an end
_RESET: Final = struct.pack("ii", 1, 0)


class BreakableProtocol(H11Protocol):
    """Uvicorn's protocol, which shows its transport to the application."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, dict(app_state), _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Note the transport in the state of the connection's requests."""
        super().connection_made(transport)
        self.app_state[_TRANSPORT] = transport


class Reset(Response):
    """The answer that is none: the TCP connection is reset."""

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,  # noqa: ARG002 - ASGI's parameter; nothing is sent
    ) -> None:
        """Break the connection, and wait until it is broken."""
        transport: asyncio.Transport = scope["state"][_TRANSPORT]
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass
