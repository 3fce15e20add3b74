"""Requests to the simulated SES, by the standard library: tests may replace HTTP clients of packages."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from typing import Any, Final

import msgspec

from mailbus_local.testing.errors import ControlError, MailRefused, SystemFailed

TIMEOUT_SECONDS: Final = 60
_FIRST_ERROR: Final = 400


class Control(msgspec.Struct, frozen=True):
    """The simulated SES at a URL."""

    url: str

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON of the answer to a request below `/_simulator/`; bytes are sent as they are.

        Raises `MailRefused` for a refused mail, `ControlError` for a request that is not valid, and
        `SystemFailed` if nothing answers.
        """
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        status, answer = self._exchange(method, f"/_simulator/{path}", content)
        if status < _FIRST_ERROR:
            return answer
        if "smtp_reply" in answer:
            raise MailRefused(answer["smtp_reply"])
        raise ControlError(answer["error"])

    def suppressed(self) -> list[str]:
        """Return the addresses on the account's suppression list, up to 1000."""
        _, answer = self._exchange("GET", "/v2/email/suppression/addresses", b"")
        return [each["EmailAddress"] for each in answer["SuppressedDestinationSummaries"]]

    def unsuppress(self, address: str) -> None:
        """Remove an address from the suppression list."""
        self._exchange("DELETE", f"/v2/email/suppression/addresses/{urllib.parse.quote(address)}", b"")

    def _exchange(self, method: str, path: str, content: bytes) -> tuple[int, Any]:
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, content)
            response = connection.getresponse()
            return response.status, json.load(response)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = f"the simulated SES at {self.url} does not answer: {error}"
            raise SystemFailed(reason) from error
        finally:
            connection.close()
