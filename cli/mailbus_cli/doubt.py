"""The mails in doubt: SES was called, did not answer, and may have accepted them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.ledger import items
from mailbus.ledger.records import UNKNOWN_RESENDS, OnUnknown
from mailbus_cli import job_states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailbus.ledger.records import JobRecord
    from mailbus_cli.deployment import Deployment

JOBS_NAMED: Final = 5
#: Pages of the ledger, of up to 1 MB, that are looked through.
PAGES: Final = 20
_ON_UNKNOWN: Final = ("resend", "fail")


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """How many mails are in doubt, since when the first is (epoch seconds), and the jobs that are longest.

    `is_whole` is false if the ledger is too large to be looked through: there may be more.
    """

    mails: int
    oldest: float | None = None
    jobs: tuple[str, ...] = ()
    is_whole: bool = True


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender does with a mail in doubt, by its settings."""

    seconds: float
    on_unknown: OnUnknown

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        if self.on_unknown == "fail":
            return f"Given up after {self.seconds:g} s without SES's event, as a dead letter."
        return (
            f"Sent again after {self.seconds:g} s without SES's event, {UNKNOWN_RESENDS} times at most; "
            "then a dead letter."
        )


def read(deployment: Deployment, *, now: float | None = None) -> Doubt:
    """Return the mails in doubt of the laptop's ledger, which is looked through. Raises botocore's errors.

    In an account a ledger is too large for that.
    """
    client, table = deployment.client("dynamodb"), deployment.output("LedgerTableName")
    found: list[JobRecord] = []
    start: dict[str, Any] = {}
    for _ in range(PAGES):
        answer = client.scan(
            TableName=table,
            FilterExpression="attribute_exists(#open)",
            ExpressionAttributeNames={"#open": "open"},
            **start,
        )
        found += [items.read(item) for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return of_records(found, now=time.time() if now is None else now)
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    return of_records(found, now=time.time() if now is None else now, is_whole=False)


def of_records(records: Iterable[JobRecord], *, now: float, is_whole: bool = True) -> Doubt:
    """Return the mails in doubt of records of jobs."""
    counted = [
        (record.called_at, record.key.job_id, count)
        for record in records
        if record.expires_at > now and (count := job_states.statuses(record, now).count("in_doubt"))
    ]
    counted.sort()
    return Doubt(
        mails=sum(count for *_, count in counted),
        oldest=counted[0][0] if counted else None,
        jobs=tuple(dict.fromkeys(job_id for _, job_id, _ in counted))[:JOBS_NAMED],
        is_whole=is_whole,
    )


def rule(environment: Mapping[str, str]) -> Rule | None:
    """Return the rule by the environment of the sender's function; None if it does not say so."""
    seconds, on_unknown = (environment.get(name.upper()) for name in ("doubt_seconds", "on_unknown"))
    if not seconds or on_unknown not in _ON_UNKNOWN:
        return None
    return Rule(seconds=float(seconds), on_unknown="fail" if on_unknown == "fail" else "resend")
