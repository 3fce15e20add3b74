"""What each guarantee costs, and the setting that turns it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus_cdk import prices
from mailbus_cli.costing import lines
from mailbus_cli.costing.lines import ARCHIVE, SEND, TIMELINE, TRACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus_cli.costing.plan import Plan

# the claim before SES's call, and its result: what more is written is the rate's
LEDGER_WRITES = 2


class Guarantee(msgspec.Struct, frozen=True, kw_only=True):
    """A guarantee: what it costs, in USD for a million mails, and the setting without it, if there is one.

    `on` says whether the plan has it.
    """

    name: str
    per_million: float
    setting: str | None
    on: bool = True


def of(plan: Plan) -> Iterator[Guarantee]:
    """Yield the guarantees of a plan. What is off has what it would cost."""
    options, point = plan.options, plan.point
    claims = prices.MILLION * LEDGER_WRITES * prices.WRITE_UNITS.each
    stored = _of(plan, SEND, "the ledger, stored", "and recoverable")
    yield Guarantee(
        name="a job is sent once: its claim and its result in the ledger",
        per_million=claims + stored,
        setting=None,
    )
    yield Guarantee(
        name="doubt is settled by SES's own `Send` event: its way through the queue, and the look-up",
        per_million=prices.MILLION * point.tracking.requests * prices.SQS_REQUESTS.each
        + _of(plan, TRACK, "the ledger, read"),
        setting=None,
    )
    yield Guarantee(
        name="all workers keep the account's rate together: the rate's item",
        per_million=prices.MILLION
        * (
            max(0.0, point.sender.write_units - LEDGER_WRITES) * prices.WRITE_UNITS.each
            + point.sender.read_units * prices.READ_UNITS.each
        ),
        setting=None,
    )
    yield Guarantee(
        name="that SES accepted a mail is an event at once, `queued`",
        per_million=_of(plan, SEND, "`queued`"),
        setting=None,
    )
    yield Guarantee(
        name="that SES sends it is an event too, `sent`",
        per_million=_total(plan.with_options(sent=True)) - _total(plan.with_options(sent=False)),
        setting="events.sent = false",
        on=options.sent,
    )
    yield Guarantee(
        name="events of the last days can be replayed",
        per_million=_part(plan.with_options(archive_days=options.archive_days or 30), ARCHIVE),
        setting="retention.event_archive_days = 0",
        on=bool(options.archive_days),
    )
    yield Guarantee(
        name="what became of each mail can be looked up",
        per_million=_part(plan.with_options(timeline_days=options.timeline_days or 30), TIMELINE),
        setting="timeline.days = 0",
        on=bool(options.timeline_days),
    )
    yield Guarantee(
        name="SES's notifications without tags find their job",
        per_million=prices.MILLION * lines.INDEX_WRITE_UNITS * prices.WRITE_UNITS.each,
        setting="tracking.notified_identities = []",
        on=options.index_messages,
    )
    yield Guarantee(
        name="metadata is kept from recipients: events get it from the ledger",
        per_million=prices.MILLION * lines.METADATA_READ_UNITS * (plan.events - 1) * prices.READ_UNITS.each,
        setting="metadata_in_headers = true",
        on=not options.metadata_in_headers,
    )


def _total(plan: Plan) -> float:
    return lines.per_million(lines.of_mail(plan))


def _part(plan: Plan, part: str) -> float:
    return lines.per_million(line for line in lines.of_mail(plan) if line.part == part)


def _of(plan: Plan, part: str, *whats: str) -> float:
    return lines.per_million(line for line in lines.of_mail(plan) if line.part == part and line.what in whats)
