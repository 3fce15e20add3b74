"""Fetching a certificate from SNS's host, which a proxy on this machine plays."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.unit.webhook.world import CERTIFICATE_URL, authority, certificate, rsa_key
from webhook.certificates import CERTIFICATE_BYTES, WHOLE_SECONDS, Unreachable, fetch, make_opener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "sns.us-east-1.amazonaws.com"
PEM = certificate(rsa_key())


class Host:
    """A CONNECT proxy on the loopback that is itself the host behind it, and answers with `reply`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.reply = answer(PEM)
        self.asked: list[bytes] = []
        key = rsa_key("the host's")
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(authority(key, name))
        secret = folder / "key.pem"
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(self.authority, secret)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._socket.accept()
                with plain, contextlib.suppress(OSError):
                    self.asked.append(heading(plain))
                    plain.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    with self._context.wrap_socket(plain, server_side=True) as secure:
                        self.asked.append(heading(secure))
                        secure.sendall(self.reply)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def heading(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received and (part := connection.recv(4096)):
        received += part
    return received


def answer(content: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


@pytest.fixture
def hosted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Host]]:
    with contextlib.ExitStack() as stack:

        def start(name: str) -> Host:
            host = Host(tmp_path, name)
            stack.callback(host.close)
            for variable in ("no_proxy", "NO_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.delenv(variable, raising=False)
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{host.port}")
            monkeypatch.setenv("SSL_CERT_FILE", str(host.authority))
            return host

        yield start


def test_a_certificate_is_fetched_over_https_through_the_environments_proxy(
    hosted: Callable[[str], Host],
) -> None:
    host = hosted(HOST)
    assert fetch(CERTIFICATE_URL, make_opener()) == PEM
    tunnel, request = host.asked
    assert tunnel.startswith(f"CONNECT {HOST}:443 ".encode())
    assert request.startswith(b"GET /SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem ")


def test_a_host_whose_own_certificate_is_not_snss_is_not_trusted(
    hosted: Callable[[str], Host],
) -> None:
    host = hosted("sns.us-east-1.example.com")
    assert isinstance(fetch(CERTIFICATE_URL, make_opener()), Unreachable)
    assert len(host.asked) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect"])
def test_a_redirect_is_not_followed(status: str, hosted: Callable[[str], Host]) -> None:
    host = hosted(HOST)
    host.reply = answer(PEM, status, f"Location: https://{HOST}/SimpleNotificationService-1.pem")
    assert fetch(CERTIFICATE_URL, make_opener()) == Unreachable(reason=f"status {status[:3]}")
    assert len(host.asked) == 2


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "500 Oops", "204 No Content"])
def test_only_a_response_with_the_file_is_accepted(status: str, hosted: Callable[[str], Host]) -> None:
    hosted(HOST).reply = answer(b"" if status.startswith("204") else PEM, status)
    assert fetch(CERTIFICATE_URL, make_opener()) == Unreachable(reason=f"status {status[:3]}")


def test_a_response_too_large_for_a_certificate_is_not_read(hosted: Callable[[str], Host]) -> None:
    hosted(HOST).reply = answer(b"A" * (CERTIFICATE_BYTES + 1))
    assert fetch(CERTIFICATE_URL, make_opener()) == Unreachable(reason="too large")


def test_a_host_that_responds_too_slowly_is_given_up(hosted: Callable[[str], Host]) -> None:
    hosted(HOST)
    moments = iter([0.0, WHOLE_SECONDS + 0.1])
    assert fetch(CERTIFICATE_URL, make_opener(), clock=lambda: next(moments)) == Unreachable(
        reason="too slow"
    )


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 nothing\r\n\r\n"])
def test_a_host_that_does_not_speak_http_is_unreachable(reply: bytes, hosted: Callable[[str], Host]) -> None:
    hosted(HOST).reply = reply
    assert isinstance(fetch(CERTIFICATE_URL, make_opener()), Unreachable)


def test_an_unreachable_host_is_reported(hosted: Callable[[str], Host]) -> None:
    hosted(HOST).close()
    assert fetch(CERTIFICATE_URL, make_opener()) == Unreachable(reason="ConnectionRefusedError")
