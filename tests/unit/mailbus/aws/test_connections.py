"""Requests of botocore's clients reach a server over connections of Mailbus's own."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailbus.aws import sessions
from mailbus.aws.connections import IDLE_SECONDS, Connections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENTRIES = [{"Detail": "{}", "DetailType": "email.sent", "Source": "mailbus"}]


class Handler(BaseHTTPRequestHandler):
    """Answers a request as its path says; `/kept` and any other path keep the connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.client_address[1], self.path, dict(self.headers), body))
        match self.path:
            case "/silent":
                self.server.stopped.wait(10)
            case "/closing":
                self.respond(b"{}", "Connection: close")
                self.close_connection = True
            case "/dropped":
                self.respond(b"{}")
                self.close_connection = True
            case "/chunked":
                self.respond(b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked", length=None)
            case "/short":
                self.respond(b'{"a', length=60)
                self.close_connection = True
            case "/refused":
                self.respond(b'{"__type": "ThrottlingException", "message": "slow down"}', status="400 Bad")
            case _:
                self.respond(b'{"FailedEntryCount": 0, "Entries": []}')

    def respond(self, body: bytes, *fields: str, status: str = "200 OK", length: int | None = -1) -> None:
        sized = () if length is None else (f"Content-Length: {len(body) if length < 0 else length}",)
        lines = (f"HTTP/1.1 {status}", *sized, *fields)
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def log_message(self, *_words: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """A server with what it has seen of each request: the client's port, the path, the header, the body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[int, str, dict[str, str], bytes]] = []
        self.stopped = threading.Event()
        self.closed = threading.Event()
        self.scheme = "http"

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed.set()

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.server_port}"

    @property
    def peers(self) -> list[int]:
        return [peer for peer, *_ in self.seen]


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    with server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.stopped.set()
        server.shutdown()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as running:
        yield running


@pytest.fixture
def connections() -> Iterator[Connections]:
    with contextlib.closing(Connections()) as made:
        yield made


def request(url: str, body: Any = b"{}", *, streams: bool = False) -> AWSPreparedRequest:
    headers: Any = HeadersDict({"Content-Length": str(len(body)), "X-Amz-Target": b"AWSEvents.PutEvents"})
    return AWSPreparedRequest("POST", url, headers, body, streams)


def sent(made: Connections, url: str, body: bytes = b"{}", read_timeout: float = 5) -> bytes:
    response = made.send(request(url, body), connect_timeout=5, read_timeout=read_timeout)
    assert response is not None
    return bytes(response.content)


def client(url: str, connections: Connections) -> Any:
    return sessions.open_function_session(connections).client(
        "events",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=sessions.config(max_attempts=1),
    )


def test_a_call_of_a_client_is_answered(server: Server, connections: Connections) -> None:
    assert client(server.url, connections).put_events(Entries=ENTRIES)["FailedEntryCount"] == 0
    ((_, path, headers, body),) = server.seen
    assert path == "/"
    assert json.loads(body) == {"Entries": ENTRIES}
    assert headers["Host"] == f"localhost:{server.server_port}"
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=test/")
    assert "mailbus/" in headers["User-Agent"]


def test_an_error_of_the_service_has_its_code(server: Server, connections: Connections) -> None:
    with pytest.raises(ClientError) as refused:
        client(f"{server.url}/refused", connections).put_events(Entries=ENTRIES)
    assert refused.value.response["Error"] == {"Code": "ThrottlingException", "Message": "slow down"}
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_connection_is_used_again_until_it_was_idle_for_too_long(server: Server) -> None:
    now = 1000.0
    with contextlib.closing(Connections(clock=lambda: now)) as made:
        for pause in (0.0, IDLE_SECONDS, IDLE_SECONDS + 0.1):
            now += pause
            sent(made, f"{server.url}/kept")
    first, second, third = server.peers
    assert first == second != third


@pytest.mark.parametrize("path", ["/closing", "/dropped"])
def test_a_connection_that_the_server_ends_is_not_used_again(
    server: Server, path: str, connections: Connections
) -> None:
    sent(connections, f"{server.url}{path}")
    assert server.closed.wait(10)
    sent(connections, f"{server.url}/kept")
    first, second = server.peers
    assert first != second


def test_requests_at_the_same_time_have_connections_of_their_own(
    server: Server, connections: Connections
) -> None:
    barrier = threading.Barrier(3)

    def send() -> None:
        barrier.wait()
        sent(connections, f"{server.url}/kept")

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 3


def test_a_chunked_answer_is_read_whole(server: Server, connections: Connections) -> None:
    assert [sent(connections, f"{server.url}/chunked") for _ in range(2)] == [b"{}", b"{}"]
    first, second = server.peers
    assert first == second


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 3_000_000])
def test_a_body_of_any_size_arrives_whole(server: Server, size: int, connections: Connections) -> None:
    body = bytes(range(256)) * (size // 256) + b"a" * (size % 256)
    sent(connections, f"{server.url}/kept?a=b", body)
    ((_, path, _, seen),) = server.seen
    assert path == "/kept?a=b"
    assert seen == body


def test_an_answer_that_ends_early_is_an_error_of_the_connection(
    server: Server, connections: Connections
) -> None:
    with pytest.raises(ConnectionClosedError):
        sent(connections, f"{server.url}/short")


def test_a_server_that_does_not_answer_is_a_timeout(server: Server, connections: Connections) -> None:
    with pytest.raises(ReadTimeoutError):
        sent(connections, f"{server.url}/silent", read_timeout=0.05)
    sent(connections, f"{server.url}/kept")
    first, second = server.peers
    assert first != second


def test_a_server_that_is_not_there_cannot_be_connected_to(connections: Connections) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(EndpointConnectionError):
        sent(connections, f"http://127.0.0.1:{port}/")


def test_a_connection_that_takes_too_long_is_a_timeout_of_connecting(
    monkeypatch: pytest.MonkeyPatch, connections: Connections
) -> None:
    def never(*_words: object, **_named: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", never)
    with pytest.raises(ConnectTimeoutError):
        sent(connections, "https://events.eu-west-1.amazonaws.com/")


def test_streams_and_proxies_are_left_to_botocore(
    server: Server, monkeypatch: pytest.MonkeyPatch, connections: Connections
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    for left in (
        request(server.url, streams=True),
        request(server.url, bytearray(b"{}")),
        request("https://sqs.proxied.example.com/"),
    ):
        assert connections.send(left, connect_timeout=5, read_timeout=5) is None
    assert server.seen == []


def certificate(folder: Path, host: str) -> Path:
    """Write a key and a certificate that it signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextlib.contextmanager
def serving_tls(chain: Path) -> Iterator[Server]:
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.scheme = "https"
    server.handle_error = lambda *_words: None  # type: ignore[method-assign] # a handshake that the client ends
    with serving(server) as running:
        yield running


def test_a_server_with_a_trusted_certificate_is_connected_to_by_tls(tmp_path: Path) -> None:
    chain = certificate(tmp_path, "localhost")
    with serving_tls(chain) as server, contextlib.closing(Connections(ca_bundle=str(chain))) as made:
        assert [sent(made, f"{server.url}/kept")[:1] for _ in range(2)] == [b"{", b"{"]
    first, second = server.peers
    assert first == second


@pytest.mark.parametrize("fault", ["unknown", "of another host"])
def test_a_certificate_that_is_not_the_servers_is_refused(tmp_path: Path, fault: str) -> None:
    chain = certificate(tmp_path, "localhost" if fault == "unknown" else "other.example.com")
    with serving_tls(chain) as server:
        made = Connections(ca_bundle=None if fault == "unknown" else str(chain))
        with pytest.raises(SSLError):
            sent(made, f"{server.url}/kept")
    assert server.seen == []
