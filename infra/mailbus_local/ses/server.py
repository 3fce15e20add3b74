"""The simulated SES as a server: HTTP and SMTP on 127.0.0.1, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import uvicorn

from mailbus_local.ses.authorization import Authorization
from mailbus_local.ses.connection_reset import ResettableProtocol
from mailbus_local.ses.formats import Origin
from mailbus_local.ses.passthrough import Passthrough
from mailbus_local.ses.publisher import Publication, Publisher
from mailbus_local.ses.receiving.receiver import Receiver
from mailbus_local.ses.receiving.smtp import SmtpConnection, SmtpHandler
from mailbus_local.ses.routes import Routes
from mailbus_local.ses.state.account import Account, Limits
from mailbus_local.ses.state.faults import Faults
from mailbus_local.ses.state.identity_states import IdentityStates
from mailbus_local.ses.state.messages import MessageStore
from mailbus_local.ses.state.notification_settings import IdentityNotifications
from mailbus_local.ses.state.resources import Clients, Resources, connect
from mailbus_local.ses.state.simulator import SimulatorState
from mailbus_local.ses.state.suppression_list import SuppressionList
from mailbus_local.used_rights import UsedRights

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST: Final = "127.0.0.1"
# as long as MiniStack has: a busy machine takes over 15
START_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 3
BACKLOG: Final = 512
# Longer than any client keeps a connection, so that none is closed while a request arrives.
KEEP_ALIVE_SECONDS: Final = 3600
VALIDATION_MESSAGE: Final = "Successfully validated SNS topic for Amazon SES event publishing."


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of the simulator, and the files of calls that it denies and allows. Port 0 is a free port."""

    upstream_url: str
    region: str
    account_id: str
    port: int = 0
    smtp_port: int = 0
    denials: Path = Path(os.devnull)
    used_rights: Path = Path(os.devnull)


class SimulatedSes:
    """A simulated SES in front of MiniStack, which may start later.

    `start()` returns when both ports accept connections; `stop()` when all events are published and all
    threads and sockets are closed. An instance cannot be started again.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._thread = threading.Thread(target=self._run, name="simulated-ses", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._http: socket.socket | None = None
        self._smtp: socket.socket | None = None
        self._port = settings.port
        self._smtp_port = settings.smtp_port

    @property
    def url(self) -> str:
        """The endpoint URL for clients of SES."""
        return f"http://{HOST}:{self._port}"

    @property
    def port(self) -> int:
        """The HTTP port."""
        return self._port

    @property
    def smtp_port(self) -> int:
        """The SMTP port for incoming mail."""
        return self._smtp_port

    def start(self) -> None:
        """Bind the ports and serve. Raise `OSError` if a port is in use."""
        self._http = _listen(self._settings.port)
        try:
            self._smtp = _listen(self._settings.smtp_port)
        except OSError:
            self._http.close()
            raise
        self._port = self._http.getsockname()[1]
        self._smtp_port = self._smtp.getsockname()[1]
        self._thread.start()
        started = self._ready.wait(START_SECONDS)
        if self._failure is not None:
            raise self._failure
        if not started:
            reason = f"the simulated SES did not start within {START_SECONDS:.0f} s"
            raise TimeoutError(reason)

    def stop(self) -> None:
        """Stop serving. Does nothing if it is not running."""
        if self._loop is not None and self._ended is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                self._loop.call_soon_threadsafe(self._ended.set)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - start() raises it in the caller's thread
            self._failure = error
        finally:
            for bound in (self._http, self._smtp):
                if bound is not None:
                    bound.close()
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            clients = connect(self._settings.upstream_url, self._settings.region)
            stack.callback(clients.close)
            publisher = Publisher(clients.sns)
            publisher.start()
            stack.push_async_callback(asyncio.to_thread, publisher.stop)
            passthrough = Passthrough(self._settings.upstream_url)
            stack.push_async_callback(passthrough.close)
            state, receiver = _build(self._settings, clients, publisher)
            application = Routes(state, receiver, passthrough).application()
            await stack.enter_async_context(_smtp_server(receiver, _require_bound(self._smtp)))
            server = uvicorn.Server(
                uvicorn.Config(
                    application,
                    http=ResettableProtocol,
                    ws="none",
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    timeout_keep_alive=KEEP_ALIVE_SECONDS,
                    timeout_graceful_shutdown=GRACE_SECONDS,
                )
            )
            serving = asyncio.create_task(server.serve(sockets=[_require_bound(self._http)]))
            while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
                await asyncio.sleep(0.005)
            self._ready.set()
            ended = asyncio.create_task(self._ended.wait())
            await asyncio.wait((serving, ended), return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            server.should_exit = True
            await serving


def _listen(port: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1.

    The protocol is named because asyncio sets TCP_NODELAY only for such sockets; without it each
    response takes 40 ms.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def _require_bound(bound: socket.socket | None) -> socket.socket:
    assert bound is not None  # noqa: S101 - start() binds before it starts the thread
    return bound


def _build(
    settings: SimulatorSettings, clients: Clients, publisher: Publisher
) -> tuple[SimulatorState, Receiver]:
    def publish_validation(topic_arn: str) -> None:
        publisher.submit(Publication(topic_arn=topic_arn, text=VALIDATION_MESSAGE, order_key=topic_arn))

    resources = Resources(clients, publish_validation)
    origin = Origin(region=settings.region, account_id=settings.account_id)
    state = SimulatorState(
        origin=origin,
        account=Account(Limits(), time.time),
        faults=Faults(random.random),
        store=MessageStore(),
        suppression_list=SuppressionList(time.time),
        resources=resources,
        authorization=Authorization(resources, origin, settings.denials, UsedRights(settings.used_rights)),
        notifications=IdentityNotifications(),
        identity_states=IdentityStates(),
        publisher=publisher,
        clock=time.time,
    )
    return state, Receiver(clients, resources, publisher, state.origin, time.time)


@contextlib.asynccontextmanager
async def _smtp_server(receiver: Receiver, bound: socket.socket) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    connections: set[SmtpConnection] = set()
    server = await loop.create_server(
        lambda: SmtpConnection(SmtpHandler(receiver), connections, loop), sock=bound
    )
    try:
        yield
    finally:
        server.close()
        for connection in tuple(connections):
            connection.close_now()
        while connections:  # noqa: ASYNC110 - aiosmtpd has no event for it
            await asyncio.sleep(0)
