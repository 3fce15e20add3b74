"""A reverse proxy in front of AWS, which does to each call of a worker what a plan decides."""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import signal
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

import msgspec

from bench.chaos.calls import Call, Service, error_answer, operation_of
from bench.chaos.parts import Part, part_of
from bench.chaos.workers import function_of, worker_behind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from bench.chaos.plan import Plan, Rule

# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1; this server has answered `Expect`; a checksum would be
# of another body
_NOT_PASSED: Final = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "x-amz-crc32"}
)
_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
# how often a server looks whether it is to stop
POLL_SECONDS: Final = 0.05
# far more than a call takes on a busy machine
UPSTREAM_SECONDS: Final = 120.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a service."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Proxy:
    """A server in front of each service, by its URL."""

    def __init__(self, upstream: Mapping[Service, str], plan: Plan) -> None:
        self._servers = {service: _Server(plan, service, url) for service, url in upstream.items()}

    def __enter__(self) -> Self:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead a function's clients to the servers."""
        return {
            f"AWS_ENDPOINT_URL_{service.upper()}": f"http://127.0.0.1:{server.server_address[1]}"
            for service, server in self._servers.items()
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # a new worker opens many connections at once
    request_queue_size = 128

    def __init__(self, plan: Plan, service: Service, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan, self.service, self.upstream = plan, service, urlsplit(url).netloc


class _Handler(BaseHTTPRequestHandler):
    """Passes calls on: one connection to the service for each connection of a worker."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(self.server.upstream, timeout=UPSTREAM_SECONDS)
        self._worker: int | None = None
        self._function = ""

    def handle(self) -> None:
        # the connections of a killed worker are reset
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        self._upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:  # http.server's name
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            self.send_error(HTTPStatus.NOT_IMPLEMENTED, "a body without a length is not passed on")
            return
        rule = self.server.plan.decide(self._call(body))
        answer = self._answer(rule, body)
        if answer is None:
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parameter's own name
        """Write no log."""

    def _call(self, body: bytes) -> Call:
        headers = {name.lower(): value for name, value in self.headers.items()}
        service = self.server.service
        if self._worker is None:
            # looked up again at the next call: the kernel's list omits connections while others are made
            self._worker = worker_behind(self.client_address[1], self.server.server_address[1])
            self._function = "" if self._worker is None else function_of(self._worker)
        return Call(
            function=self._function,
            service=service,
            operation=operation_of(service, self.command, self.path, headers),
            body=body,
        )

    def _answer(self, rule: Rule | None, body: bytes) -> Answer | None:
        """Return the answer of a call; None if there is none."""
        match rule.fault if rule else None:
            case None:
                return self._pass_on(body)
            case "error":
                assert rule is not None  # noqa: S101 - for the type checker
                kind, content = error_answer(self.server.service, rule.code)
                return Answer(status=rule.status, headers=(("Content-Type", kind),), body=content)
            case "part":
                request = msgspec.json.decode(body)
                return self._answer_of_part(part_of(self._operation, request))
            case "killed before":
                self._kill()
            case "killed after":
                self._pass_on(body)
                self._kill()
            case "cut":
                self._pass_on(body)
        return None

    def _answer_of_part(self, part: Part) -> Answer | None:
        if part.request is None:
            kind = "application/x-amz-json-1.0"
            content = msgspec.json.encode(part.answer({}))
            return Answer(status=HTTPStatus.OK, headers=(("Content-Type", kind),), body=content)
        given = self._pass_on(msgspec.json.encode(part.request))
        if given is None or given.status != HTTPStatus.OK:
            return given
        content = msgspec.json.encode(part.answer(msgspec.json.decode(given.body)))
        return msgspec.structs.replace(given, body=content)

    @property
    def _operation(self) -> str:
        return self.headers.get("X-Amz-Target", "").rpartition(".")[2]

    def _kill(self) -> None:
        if self._worker is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._worker, signal.SIGKILL)

    def _pass_on(self, body: bytes) -> Answer | None:
        connection = self._upstream.sock
        if connection is not None and select.select([connection], [], [], 0)[0]:
            # closed by the service while it was idle: AWS's SDK opens a new one too
            self._upstream.close()
        try:
            self._upstream.request(self.command, self.path, body, dict(_passed(self.headers.items())))
            answer = self._upstream.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            # the service broke the connection: so does this
            self._upstream.close()
            return None
        return Answer(status=answer.status, headers=_passed(answer.getheaders()), body=content)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status not in _WITHOUT_BODY:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


def _passed(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() not in _NOT_PASSED)
