"""The subjects of sent mail, which only the laptop has: read once for each message."""

from __future__ import annotations

import email.parser
import email.policy
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from mailbus_cli.room import simulator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus_cli.deployment import Deployment

WORKERS: Final = 8
#: Subjects that are kept; then all are read again.
KEPT: Final = 20_000


class Subjects:
    """The subjects by message id; of an account there are none."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._known: dict[str, str] = {}

    def of(self, message_ids: Iterable[str]) -> dict[str, str]:
        """Return the subjects of messages that the simulated SES still has."""
        if self._deployment.simulator_url is None:
            return {}
        wanted = set(message_ids)
        missing = [each for each in wanted if each not in self._known]
        if len(self._known) + len(missing) > KEPT:
            self._known = {}
        if missing:
            with ThreadPoolExecutor(max_workers=WORKERS) as pool:
                found = zip(missing, pool.map(self._read, missing), strict=True)
                self._known |= {each: subject for each, subject in found if subject is not None}
        return {each: self._known[each] for each in wanted if each in self._known}

    def _read(self, message_id: str) -> str | None:
        message = simulator.message(self._deployment, message_id)
        return None if message is None else subject(message.raw)


def subject(raw: bytes) -> str:
    """Return the decoded subject of a message."""
    parser = email.parser.BytesHeaderParser(policy=email.policy.default)
    return str(parser.parsebytes(raw).get("Subject", ""))
