"""The server on 127.0.0.1: SNS's API, its hosts behind a proxy, and what MiniStack has to deliver.

MiniStack keeps the topics and subscriptions, decides what goes where, and knows what is confirmed. It
signs nothing, though, and gives credentials unasked: so that of each HTTP(S) subscription it is told a URL
here, from where messages go on as SNS sends them.
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

from mailbus_local.sns.authority import Authority
from mailbus_local.sns.delivery import Courier, Target, target
from mailbus_local.sns.signing import SIGNED_FIELDS, host_of, region_of, signed

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
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and the length, which is counted anew
_OF_THE_CONNECTION: Final = frozenset({"connection", "content-length", "transfer-encoding", "host"})
# Nothing tells a raw message's topic here, as MiniStack does not.
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
    """Where it stands, and where MiniStack does. Port 0 takes a free one; certificates go to `directory`."""

    upstream_url: str
    directory: Path
    port: int = 0


class SnsOverHttps:
    """SNS beside a MiniStack, which need not be up yet when this starts."""

    def __init__(self, settings: SnsSettings) -> None:
        self._settings = settings
        self._port = settings.port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The endpoint URL for clients of SNS, and the proxy's."""
        return f"http://{HOST}:{self._port}"

    def function_environment(self) -> dict[str, str]:
        """Lead a function to SNS's hosts here, and to no other: the proxy is one to this machine."""
        if self._server is None:
            reason = "start it first: the certificate is not made yet"
            raise RuntimeError(reason)
        proxy = {"HTTPS_PROXY": self.url, "NO_PROXY": f"{HOST},localhost"}
        # Either spelling may be there already, and Python prefers the small one.
        small = {name.lower(): value for name, value in proxy.items()}
        return {**proxy, **small, "SSL_CERT_FILE": str(self._server.authority.ca_file)}

    def start(self) -> None:
        """Make keys, bind and serve; an `OSError` where the port is taken."""
        self._server = _Server(self._settings)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sns", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End serving and delivering; does nothing where it does not run."""
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
        self.authority = Authority(settings.directory)
        self.upstream = httpx.Client(timeout=UPSTREAM_SECONDS, trust_env=False)
        self.courier = Courier()
        self.targets: dict[str, Target] = {}
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    @property
    def own_url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"

    def close(self) -> None:
        self.courier.stop()
        self.upstream.close()
        for client in self._clients.values():
            client.close()

    def sign(self, message: Mapping[str, Any], version: str) -> dict[str, Any]:
        return signed(
            message,
            key=self.authority.signing_key,
            certificate_name=self.authority.signing_certificate_name,
            version=version,
        )

    def signature_version(self, topic_arn: str) -> str:
        attributes = self._client(region_of(topic_arn)).get_topic_attributes(TopicArn=topic_arn)
        return str(attributes["Attributes"].get("SignatureVersion", VERSIONS[0]))

    def _client(self, region: str) -> Any:
        with self._making:
            if region not in self._clients:
                self._clients[region] = boto3.client(
                    "sns",
                    endpoint_url=self.upstream_url,
                    region_name=region,
                    aws_access_key_id="test",
                    aws_secret_access_key="test",  # noqa: S106 - nobody's
                )
            return self._clients[region]


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection: of a client of SNS, of MiniStack, or through the proxy to SNS's host."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float] = UPSTREAM_SECONDS
    # whom a client behind CONNECT speaks with
    _played: str | None = None

    def do_CONNECT(self) -> None:
        """Play a host of SNS; there is no way to any other."""
        found = _SNS_HOST.fullmatch(self.path)
        if found is None or self.path != f"{host_of(found[1])}:443":
            self._answer(HTTPStatus.FORBIDDEN, b"nothing leaves this machine\n")
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
        self._played = host
        self.close_connection = False

    def do_GET(self) -> None:
        """Give the certificate as SNS's host; tell of deliveries; else answer as MiniStack."""
        authority = self.server.authority
        if self._played is not None:
            if self.path == f"/{authority.signing_certificate_name}":
                self._answer(HTTPStatus.OK, authority.signing_certificate)
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"no such certificate\n")
        elif self.path == DELIVERIES:
            self._answer_json({"deliveries": msgspec.to_builtins(self.server.courier.deliveries)})
        else:
            self._pass_on(b"")

    def do_POST(self) -> None:
        """Take what MiniStack delivers, sign what is asked for, or answer as SNS's API."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path, _, query = self.path.partition("?")
        if self._played is not None:
            self._answer(HTTPStatus.NOT_FOUND, b"no such certificate\n")
        elif path.startswith(SUBSCRIPTIONS):
            self._deliver(path.removeprefix(SUBSCRIPTIONS), body)
        elif path == SIGN:
            self._sign(body, urllib.parse.parse_qs(query).get("version", [VERSIONS[1]])[0])
        else:
            self._subscribe_or_pass_on(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing: MiniStack's log has what was published."""

    def finish(self) -> None:
        super().finish()
        if self._played is not None:
            self.connection.close()

    def _sign(self, body: bytes, version: str) -> None:
        message = json.loads(body)
        if version not in VERSIONS or message.get("Type") not in SIGNED_FIELDS:
            self._answer(HTTPStatus.BAD_REQUEST, b"a message's JSON, and ?version=1 or 2\n")
            return
        self._answer_json(self.server.sign(message, version))

    def _deliver(self, subscription: str, body: bytes) -> None:
        to = self.server.targets.get(subscription)
        if to is None:
            self._answer(HTTPStatus.NOT_FOUND, b"no such subscription\n")
            return
        self._answer(HTTPStatus.OK, b"")
        message = _envelope(body)
        if message is None:
            self.server.courier.deliver(to, RAW_HEADERS, body)
            return
        version = self.server.signature_version(message["TopicArn"])
        complete = self.server.sign(message, version)
        self.server.courier.deliver(to, _headers(complete), json.dumps(complete, indent=2).encode())

    def _subscribe_or_pass_on(self, body: bytes) -> None:
        form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if form.get("Action") == "Subscribe" and form.get("Protocol") in _HTTP_PROTOCOLS:
            try:
                to = target(form.get("Endpoint", ""))
            except ValueError as error:
                self._refuse("InvalidParameter", str(error))
                return
            subscription = uuid.uuid4().hex
            self.server.targets[subscription] = to
            form |= {"Protocol": "http", "Endpoint": f"{self.server.own_url}{SUBSCRIPTIONS}{subscription}"}
            body = urllib.parse.urlencode(form).encode()
        topic_arn = form.get("TopicArn", "")
        if "Authorization" not in self.headers and topic_arn.startswith("arn:aws:sns:"):
            # a confirmation needs no signature, but MiniStack reads the region out of one
            scope = f"test/20260101/{region_of(topic_arn)}/sns/aws4_request"
            self.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}"
        self._pass_on(body)

    def _pass_on(self, body: bytes) -> None:
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_CONNECTION
        }
        url = f"{self.server.upstream_url}{self.path}"
        try:
            answer = self.server.upstream.request(self.command, url, headers=headers, content=body)
        except httpx.HTTPError as error:
            reason = f"the embedded AWS at {self.server.upstream_url} does not answer: {type(error).__name__}"
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, reason.encode())
            return
        content_type = answer.headers.get("content-type", "text/xml")
        self._answer(answer.status_code, answer.content, content_type)

    def _refuse(self, code: str, message: str) -> None:
        xml = (
            '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
            f"<Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        )
        self._answer(HTTPStatus.BAD_REQUEST, xml.encode(), "text/xml")

    def _answer_json(self, value: object) -> None:
        self._answer(HTTPStatus.OK, json.dumps(value, indent=1).encode(), "application/json")

    def _answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
        with contextlib.suppress(ConnectionError):  # who asked has gone
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        self.close_connection = True


def _envelope(body: bytes) -> dict[str, Any] | None:
    """Read what MiniStack delivers; None where a subscription asks for raw messages."""
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "SigningCertURL" in message else None


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    """Give the headers that SNS adds (https://docs.aws.amazon.com/sns/latest/dg/http-header.html)."""
    return {
        "x-amz-sns-message-type": message["Type"],
        "x-amz-sns-message-id": message["MessageId"],
        "x-amz-sns-topic-arn": message["TopicArn"],
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": AGENT,
    }
