"""Finds mail by what somebody knows of it, in the timeline, and jobs in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import ConfigurationError, SendError
from mailbus.stages import TIMELINE_TABLE
from mailbus.timeline.mails import TimelineMail
from mailbus.timeline.table import TimelineTable
from mailbus_cli import aws_errors
from mailbus_cli.errors import CommandError
from mailbus_cli.job_states import JobState, job_of_message, read_job
from mailbus_cli.queries import Query, query_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cli.deployment import Deployment

__all__ = ["Found", "NoTimeline", "Query", "query_of", "search", "timeline"]

UNREADABLE: Final = "the timeline cannot be read"
LIMIT: Final = 50
# a search that no index has, by tag or domain, looks through so many of the newest messages
SEARCHED: Final = 500
DAYS: Final = "TimelineDays"


class NoTimeline(CommandError):  # noqa: N818 - what it says
    """The stage keeps no timeline."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(f"{deployment.name} keeps no timeline", hint="set `timeline.days` and deploy")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found: mails, newest first, and of a job what the ledger knows.

    `searched` is how many of the newest messages were looked through, if there is no index; `more` is True if
    there are more mails than were asked for.
    """

    query: Query
    mails: tuple[TimelineMail, ...] = ()
    job: JobState | None = None
    searched: int | None = None
    more: bool = False

    @property
    def is_empty(self) -> bool:
        """True if nothing was found."""
        return not self.mails and self.job is None


def timeline(deployment: Deployment) -> TimelineTable:
    """Return the stage's timeline. Raises `NoTimeline` if it keeps none."""
    name = deployment.outputs.get(TIMELINE_TABLE)
    if name is None:
        raise NoTimeline(deployment)
    return TimelineTable(deployment.client("dynamodb"), name)


def search(deployment: Deployment, text: str, *, limit: int = LIMIT) -> Found:
    """Return the mails that a text is about, at most `limit` for an address, a domain or a tag.

    Raises `UsageError` for a text that is about nothing, `NoTimeline` where only a timeline could answer, and
    `CommandError` if a right is missing.
    """
    query = query_of(text)
    try:
        return _SEARCHES[query.kind](deployment, query, limit)
    except (SendError, ConfigurationError) as error:
        cause = error.__cause__
        if isinstance(cause, (ClientError, BotoCoreError)):
            raise aws_errors.explain(cause).as_error(UNREADABLE) from error
        raise


def nothing_found(deployment: Deployment, found: Found) -> str:
    """Return what to say if nothing was found, with how far back it was looked."""
    stage = deployment.stage
    kept = deployment.outputs.get(DAYS)
    of = {"address": "mail to", "domain": "mail to", "tag": "mail with"}.get(found.query.kind, "")
    what = f"No {of} {found.query}." if of else f"No {found.query}."
    if found.searched is not None:
        return f"{what} The newest {found.searched:,} mails of {stage} were looked through."
    if TIMELINE_TABLE not in deployment.outputs:
        return f"{what} The stage {stage} keeps no timeline; the ledger forgets a job after some days."
    days = f"{kept} days" if kept else "its mail for `timeline.days`"
    return f"{what} The timeline of {stage} keeps {days}."


def _by_address(deployment: Deployment, query: Query, limit: int) -> Found:
    """Look for an address as it is written, and if it has no mail, in small letters as most are stored."""
    mails = timeline(deployment).by_recipient(query.value)
    if not mails and query.value != query.value.lower():
        query = msgspec.structs.replace(query, value=query.value.lower())
        mails = timeline(deployment).by_recipient(query.value)
    return Found(query=query, mails=mails[:limit], more=len(mails) > limit)


def _by_job(deployment: Deployment, query: Query, _limit: int) -> Found:
    mails = timeline(deployment).by_job(query.value) if TIMELINE_TABLE in deployment.outputs else ()
    return Found(query=query, mails=mails, job=read_job(deployment, query.value))


def _by_message(deployment: Deployment, query: Query, _limit: int) -> Found:
    """Look for a message, and without a timeline for its job in the ledger."""
    if TIMELINE_TABLE in deployment.outputs:
        return Found(query=query, mails=timeline(deployment).by_message(query.value))
    job_id = job_of_message(deployment, query.value)
    if job_id is None:
        raise NoTimeline(deployment)
    return Found(query=query, job=read_job(deployment, job_id))


def _by_domain(deployment: Deployment, query: Query, limit: int) -> Found:
    wanted = query.value.lower()
    return _among_newest(
        deployment, query, limit, lambda mail: (mail.recipient or "").lower().endswith(wanted)
    )


def _by_tag(deployment: Deployment, query: Query, limit: int) -> Found:
    return _among_newest(deployment, query, limit, lambda mail: query.value in mail.tags)


def _among_newest(
    deployment: Deployment, query: Query, limit: int, is_wanted: Callable[[TimelineMail], bool]
) -> Found:
    table, before, searched = timeline(deployment), None, 0
    mails: list[TimelineMail] = []
    while searched < SEARCHED and len(mails) <= limit:
        page = table.newest(before)
        searched += len({mail.group for mail in page.mails})
        mails += [mail for mail in page.mails if is_wanted(mail)]
        before = page.older
        if before is None:
            break
    return Found(query=query, mails=tuple(mails[:limit]), searched=searched, more=len(mails) > limit)


_SEARCHES: Final = {
    "address": _by_address,
    "domain": _by_domain,
    "job": _by_job,
    "message": _by_message,
    "tag": _by_tag,
}
