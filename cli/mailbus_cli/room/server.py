"""Runs the mail room on this machine: on 127.0.0.1 alone, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Final, Self

import uvicorn

from mailbus_cli.errors import CommandError
from mailbus_cli.room.app import application

if TYPE_CHECKING:
    from types import TracebackType

    from mailbus_cli.room.room import Room

HOST: Final = "127.0.0.1"
#: How long an answer that has begun may take when the room ends.
CLOSE_SECONDS: Final = 2


class Server:
    """A context manager that serves a room; port 0 is a free one. Raises `CommandError` if it is taken.

    `address` has the token: whoever opens it may use the room.
    """

    def __init__(self, room: Room, *, port: int = 0) -> None:
        try:
            self._socket = socket.create_server((HOST, port))
        except OSError as error:
            reason = f"port {port} of {HOST} cannot be used: {error.strerror}"
            raise CommandError(reason, hint="choose another with --port, or leave it out") from error
        self._room = room
        host = f"{HOST}:{self._socket.getsockname()[1]}"
        self.origin = f"http://{host}"
        self._application = application(room, host)
        config = uvicorn.Config(
            self._application,
            log_config=None,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="room", daemon=True
        )

    @property
    def address(self) -> str:
        """What opens the room in a browser."""
        return f"{self.origin}/?token={self._room.token}"

    def __enter__(self) -> Self:
        # the socket listens already: who connects before the thread is ready is answered then
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        # streams would last as long as their pages
        self._application.state.live.close()
        self._thread.join()
        self._socket.close()
