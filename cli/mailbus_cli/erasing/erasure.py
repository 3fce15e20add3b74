"""Erases a recipient from a stage: first the ledger, which is found by the timeline, then the timeline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec
import typer

from mailbus.stages import TIMELINE_TABLE
from mailbus.timeline.mails import TimelineMail
from mailbus_cli import output
from mailbus_cli.erasing import elsewhere, ledger
from mailbus_cli.erasing.elsewhere import Place
from mailbus_cli.erasing.ledger import Cleared
from mailbus_cli.erasing.timeline import Removed, Timeline

if TYPE_CHECKING:
    from mailbus_cli.deployment import Deployment

NO_TIMELINE: Final = (
    "This stage keeps no timeline, by which alone mails are found by their recipient: the ledger has no "
    "addresses. It forgets each job after sender.ledger_days."
)
AGAIN: Final = "Events that SES reports from now on are recorded again: run this again once they are in."


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the timeline has of an address; `timeline` is None if the stage keeps none.

    `count` also counts mails received from it.
    """

    timeline: Timeline | None
    mails: tuple[TimelineMail, ...] = ()
    count: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, and what else may have the address. `removed` is None without a timeline."""

    address: str
    removed: Removed | None
    ledger: Cleared
    elsewhere: tuple[Place, ...]


def look(deployment: Deployment, address: str) -> Found:
    """Return what the timeline has of an address."""
    name = deployment.outputs.get(TIMELINE_TABLE)
    if name is None:
        return Found(timeline=None)
    timeline = Timeline(deployment.client("dynamodb"), name)
    return Found(timeline=timeline, mails=timeline.mails(address), count=timeline.count(address))


def erase(deployment: Deployment, address: str, found: Found) -> Report:
    """Remove what was found, and what arrives meanwhile."""
    client = deployment.client("dynamodb")
    cleared, removed = Cleared(), None
    if found.timeline is not None:
        table = deployment.output("LedgerTableName")
        cleared = ledger.clear(client, table, found.mails, now=time.time())
        # a job that is being sent is found again by its mails
        removed = Removed() if cleared.busy else found.timeline.remove(address)
    return Report(
        address=address,
        removed=removed,
        ledger=cleared,
        elsewhere=elsewhere.places(deployment, address),
    )


def show(report: Report) -> None:
    """Print a report for people."""
    removed = report.removed
    if removed is None:
        typer.echo(NO_TIMELINE)
    elif report.ledger.busy:
        jobs = ", ".join(report.ledger.busy)
        typer.echo(f"Nothing is removed from the timeline: a worker is sending {jobs}. Run this again.")
    else:
        counts = {
            "mails": removed.mails,
            "received mails": removed.received,
            "events": removed.events,
            "events of other recipients, from which the address": removed.rewritten,
            "jobs in the ledger, of which metadata and tags": report.ledger.jobs,
        }
        output.print_table(("removed", "number"), [(what, str(count)) for what, count in counts.items()])
        typer.echo(AGAIN)
    typer.echo("\nThe address may still be in:")
    output.print_table(("what", "kept"), [(place.what, place.kept) for place in report.elsewhere])
