"""A stand-in for SES."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What SES accepted: one message."""

    message_id: str
    job_id: str
    entry: str | None
    recipients: tuple[str, ...]
    request: dict[str, Any]


class Lost:
    """SES accepts, and its answer does not arrive."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class FakeSes:
    """SES. `calls` are answers to the next calls as a whole, `answers` those for a first recipient's name.

    An exception refuses, `Lost` accepts without an answer, a string is an entry's status, None accepts.
    `on_call` is called at each call.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.requests: list[dict[str, Any]] = []
        self.calls: list[Exception | Lost | None] = []
        self.answers: dict[str, list[Exception | Lost | str | None]] = {}
        self.on_call: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def send_email(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            lost = self._begin(request)
            answer = lost or self._answer(request["Destination"])
            if isinstance(answer, Exception):
                raise answer
            mail = self._accept(request, request["EmailTags"], request["Destination"])
            if isinstance(answer, Lost):
                raise answer.error
            return {"MessageId": mail.message_id}

    def send_bulk_email(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            assert 1 <= len(request["BulkEmailEntries"]) <= 50
            lost = self._begin(request)
            results = [self._entry(request, entry) for entry in request["BulkEmailEntries"]]
            if lost:
                raise lost.error
            return {"BulkEmailEntryResults": results}

    def _begin(self, request: dict[str, Any]) -> Lost | None:
        self.requests.append(request)
        self.on_call()
        answer = self.calls.pop(0) if self.calls else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _entry(self, request: dict[str, Any], entry: dict[str, Any]) -> dict[str, str]:
        answer = self._answer(entry["Destination"])
        if isinstance(answer, str):
            return {"Status": answer, "Error": "refused"}
        mail = self._accept(request, entry["ReplacementTags"], entry["Destination"])
        if isinstance(answer, Lost):
            return {"Status": "SUCCESS"}
        return {"Status": "SUCCESS", "MessageId": mail.message_id}

    def _answer(self, destination: dict[str, list[str]]) -> Any:
        first = receivers(destination)[0].partition("@")[0]
        left = self.answers.get(first)
        return left.pop(0) if left else None

    def _accept(
        self, request: dict[str, Any], tags: list[dict[str, str]], destination: dict[str, list[str]]
    ) -> Mail:
        named = {tag["Name"]: tag["Value"] for tag in tags}
        mail = Mail(
            message_id=f"0102018f-{len(self.mails):06}",
            job_id=named["mailbus-job-id"],
            entry=named.get("mailbus-entry"),
            recipients=tuple(receivers(destination)),
            request=request,
        )
        self.mails.append(mail)
        return mail

    @property
    def sent_to(self) -> list[str]:
        """The first recipient of each mail, by its name."""
        return [mail.recipients[0].partition("@")[0] for mail in self.mails]


def receivers(destination: dict[str, list[str]]) -> list[str]:
    kinds = ("ToAddresses", "CcAddresses", "BccAddresses")
    texts = [text for kind in kinds for text in destination.get(kind, [])]
    return [text.rpartition("<")[2].removesuffix(">") for text in texts]
