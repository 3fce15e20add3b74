"""The server on 127.0.0.1: SNS's API, a proxy to SNS's hosts, and deliveries over HTTP(S).

MiniStack stores topics and subscriptions, routes messages, and confirms subscriptions. But it does not sign
messages, and it sends credentials without being asked. Each HTTP(S) subscription is therefore registered in
MiniStack with a URL of this server, which signs its messages and delivers them as SNS does.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import ssl
import threading
import urllib.parse
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from xml.sax.saxutils import escape

import boto3
import httpx
import msgspec

from mailbus_local.sns.certificates import CertificateAuthority
from mailbus_local.sns.delivery import RETRY_SECONDS, HttpDeliveries, HttpEndpoint, parse_endpoint
from mailbus_local.sns.signing import SIGNED_FIELDS, host_of, region_of, sign_message

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST: Final = "127.0.0.1"
UPSTREAM_SECONDS: Final = 60.0
SUBSCRIPTIONS: Final = "/_simulator/subscriptions/"
DELIVERIES: Final = "/_simulator/deliveries"
SIGN: Final = "/_simulator/sign"
AGENT: Final = "Amazon Simple Notification Service Agent"
VERSIONS: Final = ("1", "2")
_SNS_HOST: Final = re.compile(r"sns\.([a-z]{2}(?:-[a-z]+)+-[0-9])\.amazonaws\.com(?:\.cn)?:443")
# Not forwarded: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and the length, which is set again.
_CONNECTION_HEADERS: Final = frozenset({"connection", "content-length", "transfer-encoding", "host"})
# Of a raw message MiniStack names neither id nor topic.
RAW_HEADERS: Final = {
    "x-amz-sns-message-type": "Notification",
    "x-amz-sns-message-id": "",
    "x-amz-sns-topic-arn": "",
    "x-amz-sns-rawdelivery": "true",
    "content-type": "text/plain; charset=UTF-8",
    "user-agent": AGENT,
}
_HTTP_PROTOCOLS: Final = frozenset({"http", "https"})


class SnsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """MiniStack's URL, the port (0 means a free one), the directory for certificates.

    A delivery over HTTPS that fails is tried again after each of `retry_seconds`.
    """

    upstream_url: str
    directory: Path
    port: int = 0
    retry_seconds: tuple[float, ...] = RETRY_SECONDS


class SnsOverHttps:
    """SNS in front of MiniStack, which may start later."""

    def __init__(self, settings: SnsSettings) -> None:
        self._settings = settings
        self._port = settings.port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The endpoint URL of SNS, and the URL of the proxy."""
        return f"http://{HOST}:{self._port}"

    def function_environment(self) -> dict[str, str]:
        """Return the environment for functions: with it they reach SNS's hosts here, and no other host."""
        if self._server is None:
            reason = "start it first: the certificate does not exist yet"
            raise RuntimeError(reason)
        proxy = {"HTTPS_PROXY": self.url, "NO_PROXY": f"{HOST},localhost"}
        # Both spellings may be set already, and Python prefers the lower-case one.
        lower_case = {name.lower(): value for name, value in proxy.items()}
        return {**proxy, **lower_case, "SSL_CERT_FILE": str(self._server.authority.ca_file)}

    def start(self) -> None:
        """Generate keys, bind the port and serve. Raise `OSError` if the port is in use."""
        self._server = _Server(self._settings)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sns", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and delivering. Does nothing if it is not running."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.shutdown()
            self._thread.join()
            server.server_close()
            server.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, settings: SnsSettings) -> None:
        super().__init__((HOST, settings.port), _Handler)
        self.upstream_url = settings.upstream_url
        self.authority = CertificateAuthority(settings.directory)
        self.upstream = httpx.Client(timeout=UPSTREAM_SECONDS, trust_env=False)
        self.deliveries = HttpDeliveries(settings.retry_seconds)
        self.endpoints: dict[str, HttpEndpoint] = {}
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def own_url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"

    def close(self) -> None:
        self.deliveries.stop()
        self.upstream.close()
        for client in self._clients.values():
            client.close()

    def sign(self, message: Mapping[str, Any], version: str) -> dict[str, Any]:
        return sign_message(
            message,
            key=self.authority.signing_key,
            certificate_name=self.authority.signing_certificate_name,
            version=version,
        )

    def signature_version(self, topic_arn: str) -> str:
        attributes = self._client(region_of(topic_arn)).get_topic_attributes(TopicArn=topic_arn)
        return str(attributes["Attributes"].get("SignatureVersion", VERSIONS[0]))

    def _client(self, region: str) -> Any:
        with self._lock:
            if region not in self._clients:
                self._clients[region] = boto3.client(
                    "sns",
                    endpoint_url=self.upstream_url,
                    region_name=region,
                    aws_access_key_id="test",
                    aws_secret_access_key="test",  # noqa: S106 - not a secret
                )
            return self._clients[region]


class _Handler(http.server.BaseHTTPRequestHandler):
    """A connection of a client of SNS, of MiniStack, or through the proxy to an SNS host."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float] = UPSTREAM_SECONDS
    # The SNS host that the client has connected to through the proxy.
    _sns_host: str | None = None

    def do_CONNECT(self) -> None:
        """Answer as an SNS host. Other hosts are forbidden."""
        found = _SNS_HOST.fullmatch(self.path)
        if found is None or self.path != f"{host_of(found[1])}:443":
            self._answer(HTTPStatus.FORBIDDEN, b"the proxy leads to SNS on this machine only\n")
            return
        host = host_of(found[1])
        self.send_response(HTTPStatus.OK, "Connection established")
        self.end_headers()
        try:
            secure = self.server.authority.context(host).wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            self.close_connection = True
            return
        self.connection = secure
        self.rfile, self.wfile = secure.makefile("rb"), secure.makefile("wb")
        self._sns_host = host
        self.close_connection = False

    def do_GET(self) -> None:
        """Return the signing certificate, the finished deliveries, or MiniStack's response."""
        authority = self.server.authority
        if self._sns_host is not None:
            if self.path == f"/{authority.signing_certificate_name}":
                self._answer(HTTPStatus.OK, authority.signing_certificate)
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"no such certificate\n")
        elif self.path == DELIVERIES:
            self._answer_json({"deliveries": msgspec.to_builtins(self.server.deliveries.finished)})
        else:
            self._forward(b"")

    def do_POST(self) -> None:
        """Deliver a message of MiniStack, sign a message, or answer a call of SNS's API."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path, _, query = self.path.partition("?")
        if self._sns_host is not None:
            self._answer(HTTPStatus.NOT_FOUND, b"no such certificate\n")
        elif path.startswith(SUBSCRIPTIONS):
            self._deliver(path.removeprefix(SUBSCRIPTIONS), body)
        elif path == SIGN:
            self._sign(body, urllib.parse.parse_qs(query).get("version", [VERSIONS[1]])[0])
        else:
            self._subscribe_or_forward(body)

    def log_message(self, *arguments: object) -> None:
        """Log nothing: MiniStack's log has every call."""

    def finish(self) -> None:
        super().finish()
        if self._sns_host is not None:
            self.connection.close()

    def _sign(self, body: bytes, version: str) -> None:
        message = json.loads(body)
        if version not in VERSIONS or message.get("Type") not in SIGNED_FIELDS:
            self._answer(
                HTTPStatus.BAD_REQUEST, b"the body must be the JSON of a message, ?version= must be 1 or 2\n"
            )
            return
        self._answer_json(self.server.sign(message, version))

    def _deliver(self, subscription: str, body: bytes) -> None:
        endpoint = self.server.endpoints.get(subscription)
        if endpoint is None:
            self._answer(HTTPStatus.NOT_FOUND, b"no such subscription\n")
            return
        self._answer(HTTPStatus.OK, b"")
        message = _envelope(body)
        if message is None:
            self.server.deliveries.deliver(endpoint, RAW_HEADERS, body)
            return
        version = self.server.signature_version(message["TopicArn"])
        signed = self.server.sign(message, version)
        self.server.deliveries.deliver(endpoint, _headers(signed), json.dumps(signed, indent=2).encode())

    def _subscribe_or_forward(self, body: bytes) -> None:
        form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if form.get("Action") == "Subscribe" and form.get("Protocol") in _HTTP_PROTOCOLS:
            try:
                endpoint = parse_endpoint(form.get("Endpoint", ""))
            except ValueError as error:
                self._answer_error("InvalidParameter", str(error))
                return
            subscription = uuid.uuid4().hex
            self.server.endpoints[subscription] = endpoint
            form |= {"Protocol": "http", "Endpoint": f"{self.server.own_url}{SUBSCRIPTIONS}{subscription}"}
            body = urllib.parse.urlencode(form).encode()
        topic_arn = form.get("TopicArn", "")
        if "Authorization" not in self.headers and topic_arn.startswith("arn:aws:sns:"):
            # A confirmation needs no signature, but MiniStack takes the region from it.
            scope = f"test/20260101/{region_of(topic_arn)}/sns/aws4_request"
            self.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}"
        self._forward(body)

    def _forward(self, body: bytes) -> None:
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in _CONNECTION_HEADERS
        }
        url = f"{self.server.upstream_url}{self.path}"
        try:
            answer = self.server.upstream.request(self.command, url, headers=headers, content=body)
        except httpx.HTTPError as error:
            reason = (
                f"the embedded AWS at {self.server.upstream_url} does not respond: {type(error).__name__}"
            )
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, reason.encode())
            return
        content_type = answer.headers.get("content-type", "text/xml")
        self._answer(answer.status_code, answer.content, content_type)

    def _answer_error(self, code: str, message: str) -> None:
        xml = (
            '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
            f"<Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        )
        self._answer(HTTPStatus.BAD_REQUEST, xml.encode(), "text/xml")

    def _answer_json(self, value: object) -> None:
        self._answer(HTTPStatus.OK, json.dumps(value, indent=1).encode(), "application/json")

    def _answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
        with contextlib.suppress(ConnectionError):  # the client has disconnected
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        self.close_connection = True


def _envelope(body: bytes) -> dict[str, Any] | None:
    """Return the message in SNS's envelope, None if it is a raw message."""
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "SigningCertURL" in message else None


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that SNS adds (https://docs.aws.amazon.com/sns/latest/dg/http-header.html)."""
    return {
        "x-amz-sns-message-type": message["Type"],
        "x-amz-sns-message-id": message["MessageId"],
        "x-amz-sns-topic-arn": message["TopicArn"],
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": AGENT,
    }
