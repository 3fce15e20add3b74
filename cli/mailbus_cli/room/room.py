"""What the pages of the mail room share."""

from __future__ import annotations

import functools
import secrets
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.stages import TIMELINE_TABLE
from mailbus.timeline.table import TimelineTable
from mailbus_cli.room.doctor_run import Doctor
from mailbus_cli.room.readings import Reader
from mailbus_cli.room.subjects import Subjects
from mailbus_cli.room.vitals import Vitals
from mailbus_cli.room.waiting import Waiting

if TYPE_CHECKING:
    from mailbus_cli.deployment import Caller, Deployment

#: What a page says that needs the timeline: a title, and what to do.
NO_TIMELINE: Final = ("This stage keeps no timeline", "Set `timeline.days` and deploy.")


class Room:
    """A deployment, and what may be done to it.

    `token` opens the room in a browser, `form_token` proves that a form is one of the room's own; both end
    with the process.
    """

    def __init__(self, deployment: Deployment, *, may_write: bool) -> None:
        self.deployment = deployment
        self.may_write = may_write
        self.token = secrets.token_urlsafe(24)
        self.form_token = secrets.token_urlsafe(24)
        self.session = secrets.token_urlsafe(24)
        self.doctor = Doctor(deployment)
        self.subjects = Subjects(deployment)
        self.waiting = Waiting(deployment, self.subjects)
        reader = Reader(deployment, self.waiting)
        self.vitals = Vitals(reader.read, reader.seconds)

    @functools.cached_property
    def timeline(self) -> TimelineTable | None:
        """The stage's timeline; None if it keeps none."""
        name = self.deployment.outputs.get(TIMELINE_TABLE)
        return None if name is None else TimelineTable(self.deployment.client("dynamodb"), name)

    @property
    def caller(self) -> Caller | None:
        """Whose credentials are used; None while AWS does not say it, as with expired ones."""
        try:
            return self.deployment.caller
        except (ClientError, BotoCoreError):
            return None
