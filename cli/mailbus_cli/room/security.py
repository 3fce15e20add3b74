"""Who may use the room: a browser on this machine that was given the token, and the room's own pages.

A page of another site reaches a server on this machine too, under a name of its own (DNS rebinding), or by a
form: https://developer.mozilla.org/docs/Web/Security/Attacks/CSRF
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse

from mailbus_cli.room.forms import File

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mailbus_cli.room.room import Room

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Ends of addresses that change nothing of the deployment, so that read-only rooms have them.
HARMLESS: Final = ("/read", "/check", "/copy", "/doctor")
_READING: Final = frozenset(("GET", "HEAD"))


class Security:
    """Lets requests through that the room may answer, and adds its headers to the answers."""

    def __init__(self, app: ASGIApp, *, room: Room, host: str) -> None:
        self._app = app
        self._room = room
        self._host = host
        # cookies of one address are those of all its ports
        self._cookie = f"mailbus-{host.rpartition(':')[2]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(scope) or self._entrance(scope)
        await (answer or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.get("host") != self._host:
            return _refused(f"Open the room at http://{self._host}/.")
        if scope["method"] in _READING:
            return None
        # without a referrer a form's origin is "null": https://fetch.spec.whatwg.org/#append-a-request-origin-header
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        is_own = origin == f"http://{self._host}" and site in {None, "same-origin"}
        if not is_own and (origin, site) != ("null", "same-origin"):
            return _refused("This request is not from a page of the room.")
        if not self._room.may_write and not scope["path"].endswith(HARMLESS):
            return _refused("This room is read-only: start it with --write.")
        return None

    def _entrance(self, scope: Scope) -> Response | None:
        """Return the answer to a browser that brings the token, or that has no cookie."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if given and hmac.compare_digest(given.encode(), self._room.token.encode()):
            # two slashes would be another host
            answer = RedirectResponse(f"/{scope['path'].lstrip('/')}", status_code=303)
            answer.set_cookie(self._cookie, self._room.session, httponly=True, samesite="strict", path="/")
            return answer
        cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
        if hmac.compare_digest(cookies.get(self._cookie, "").encode(), self._room.session.encode()):
            return None
        return _refused("Open the address that `mailbus room` printed: it has the token.")


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form of the room's own; refuse others."""
    fields, _ = await form_with_files(request)
    return fields


async def form_with_files(
    request: Request, *, max_bytes: int = 1024 * 1024
) -> tuple[dict[str, str], dict[str, list[File]]]:
    """Return the fields of a form of the room's own, and its files by their fields; refuse others.

    A field has `max_bytes` at most; of a file that has more the rest is not read.
    """
    fields: dict[str, str] = {}
    files: dict[str, list[File]] = {}
    async with request.form(max_part_size=max_bytes) as given:
        for name, value in given.multi_items():
            if isinstance(value, str):
                fields[name] = value
            # a field of files that nobody chose has one without a name
            elif value.filename:
                content = await value.read(max_bytes + 1)
                file = File(name=value.filename, content_type=value.content_type or "", content=content)
                files.setdefault(name, []).append(file)
    room: Room = request.app.state.room
    if not hmac.compare_digest(fields.pop("form_token", "").encode(), room.form_token.encode()):
        raise HTTPException(403, "This form is not one of the room's: load the page again.")
    return fields, files


def _refused(reason: str) -> Response:
    return PlainTextResponse(reason, 403)
