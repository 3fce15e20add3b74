"""The proxy passes on what S3 and the other services are asked, and does what a plan decides."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from botocore.config import Config

from bench.chaos import proxy, workers
from bench.chaos.plan import Plan, Rule
from bench.chaos.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.chaos.calls import Fault

OBJECTS: dict[str, bytes] = {}


class Service(BaseHTTPRequestHandler):
    """Keeps objects, as S3."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        OBJECTS[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)

    def do_GET(self) -> None:
        found = OBJECTS.get(self.path)
        self.answer(404 if found is None else 200, found or b"")

    def do_DELETE(self) -> None:
        OBJECTS.pop(self.path, None)
        self.answer(204)

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        pass


@pytest.fixture
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _as_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    OBJECTS.clear()
    monkeypatch.setattr(proxy, "worker_behind", lambda _port, _server_port: 1)
    monkeypatch.setattr(proxy, "function_of", lambda _worker: "sender")


def rule(fault: Fault, operation: str) -> Rule:
    return Rule(
        function="sender",
        service="s3",
        operations=(operation,),
        fault=fault,
        code="SlowDown",
        status=503,
        times=1,
        gap=1,
    )


def test_objects_of_all_sizes_pass(upstream: str) -> None:
    with Proxy({"s3": upstream}, Plan([], 1)) as running:
        s3 = boto3.client(
            "s3",
            endpoint_url=running.environment["AWS_ENDPOINT_URL_S3"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(proxies={}, s3={"addressing_style": "path"}),
        )
        for size in (0, 1, 3_000_000):
            s3.put_object(Bucket="parts", Key=f"of-{size}", Body=b"x" * size)
            assert len(OBJECTS[f"/parts/of-{size}"]) == size
            assert s3.get_object(Bucket="parts", Key=f"of-{size}")["Body"].read() == b"x" * size
        s3.delete_object(Bucket="parts", Key="of-1")
        assert "/parts/of-1" not in OBJECTS
        s3.close()


def test_an_error_is_answered_before_the_service_has_the_call(upstream: str) -> None:
    with Proxy({"s3": upstream}, Plan([rule("error", "PutObject")], 1)) as running:
        url = f"{running.environment['AWS_ENDPOINT_URL_S3']}/parts/key"
        answer = httpx.put(url, content=b"x", trust_env=False)
        assert (answer.status_code, "<Code>SlowDown</Code>" in answer.text) == (503, True)
        assert OBJECTS == {}
        assert httpx.put(url, content=b"x", trust_env=False).status_code == 200


def test_the_answer_is_lost_after_the_service_has_done_it(upstream: str) -> None:
    with Proxy({"s3": upstream}, Plan([rule("cut", "PutObject")], 1)) as running:
        url = f"{running.environment['AWS_ENDPOINT_URL_S3']}/parts/key"
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.put(url, content=b"x", trust_env=False)
        assert OBJECTS == {"/parts/key": b"x"}


#: Connects from a port to another one, says so, and waits until its standard input ends.
CONNECTED = """
import socket, sys
own, other = map(int, sys.argv[1:])
with socket.socket() as connection:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.bind(("127.0.0.1", own))
    connection.connect(("127.0.0.1", other))
    print("connected", flush=True)
    sys.stdin.read()
"""


def test_the_worker_of_a_connection_is_found_where_others_have_its_port() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
        socket.create_server(("127.0.0.1", 0)) as third,
        contextlib.ExitStack() as stack,
    ):
        own = third.getsockname()[1]
        third.close()
        found = {}
        for server in (first, second):
            port = server.getsockname()[1]
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CONNECTED, str(own), str(port)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "POWERTOOLS_SERVICE_NAME": "guard"},
                )
            )
            assert process.stdout is not None
            assert process.stdout.readline() == b"connected\n"
            found[port] = process.pid
        for port, pid in found.items():
            assert workers.worker_behind(own, port) == pid
            assert workers.function_of(pid) == "guard"


def test_the_function_of_a_process_is_that_of_its_environment() -> None:
    assert workers.function_of(1) == ""
