"""The subjects of sent mail, which only the laptop has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import msgspec

from mailbus.chunks import chunked
from mailbus_cli.room import simulator
from mailbus_cli.room.recently_used import RecentlyUsed
from mailbus_local.testing.errors import ControlError, SystemFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus_cli.deployment import Deployment

#: Subjects that are kept.
KEPT: Final = 20_000
#: Ids in one call, whose address would be too long with more.
IDS: Final = 100


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A message's subject, with its job and its recipients."""

    message_id: str
    job_id: str | None
    recipients: tuple[str, ...]
    subject: str


class Subjects:
    """Subjects, each read once; of an account there are none."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._known: RecentlyUsed[Subject] = RecentlyUsed(KEPT)

    def of(self, message_ids: Iterable[str]) -> dict[str, Subject]:
        """Return the subjects by message id, of messages that the simulated SES still has."""
        known = {each: self._known.get(each) for each in message_ids}
        missing = [each for each, subject in known.items() if subject is None]
        for ids in chunked(missing, IDS):
            known |= {one.message_id: one for one in self._read([("message_id", each) for each in ids])}
        return {each: subject for each, subject in known.items() if subject is not None}

    def of_jobs(self, job_ids: Iterable[str]) -> dict[str, Subject]:
        """Return a subject for each job of which the simulated SES has a message."""
        ids = dict.fromkeys(job_ids)
        found = self._read([("job_id", each) for each in ids]) if ids else ()
        return {one.job_id: one for one in found if one.job_id}

    def containing(self, text: str) -> Sequence[Subject]:
        """Return the newest subjects that have a text in them, in any case."""
        return self._read([("contains", text)])

    def _read(self, query: Sequence[tuple[str, str]]) -> Sequence[Subject]:
        api = simulator.control(self._deployment)
        if api is None:
            return ()
        try:
            answer = api.request("GET", f"subjects?{urlencode(query)}")
        except (ControlError, SystemFailed):
            # a list without subjects is still a list
            return ()
        found = msgspec.convert(answer["subjects"], tuple[Subject, ...])
        for one in found:
            self._known.keep(one.message_id, one)
        return found
