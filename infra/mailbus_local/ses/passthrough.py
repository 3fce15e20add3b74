"""Forwards the requests that the simulator does not handle to MiniStack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx
from starlette.responses import Response

from mailbus_local.ses.errors import SERVICE_UNAVAILABLE, SesError

if TYPE_CHECKING:
    from starlette.requests import Request

# Not forwarded: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and the length, which is set again.
_CONNECTION_HEADERS: Final = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"te")
)
TIMEOUT_SECONDS: Final = 60.0


class Passthrough:
    """A client of MiniStack for whole requests."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def forward(self, request: Request, body: bytes) -> Response:
        """Send the request to MiniStack with path, query and headers unchanged. Return the response."""
        query = request.scope["query_string"].decode("latin-1")
        path = request.scope["raw_path"].decode("latin-1")
        outgoing = self._client.build_request(
            request.method,
            f"{self._url}{path}{'?' if query else ''}{query}",
            headers=[(k, v) for k, v in request.headers.raw if k.lower() not in _CONNECTION_HEADERS],
            content=body,
        )
        try:
            answer = await self._client.send(outgoing, stream=True)
            try:
                content = b"".join([chunk async for chunk in answer.aiter_raw()])
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            reason = (
                f"The embedded AWS at {self._url} does not respond ({type(error).__name__}): start it first"
            )
            raise SesError(SERVICE_UNAVAILABLE, reason) from error
        passed = Response(content, status_code=answer.status_code)
        own = [(k.lower(), v) for k, v in answer.headers.raw if k.lower() not in _CONNECTION_HEADERS]
        passed.raw_headers = [*own, (b"content-length", str(len(content)).encode())]
        return passed
