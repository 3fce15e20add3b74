"""The sender's part of the ledger: it claims entries before it calls SES, and saves the results after.

Conditions ensure that two workers never hold the same entry, and that nothing is lost that SES, or anybody
else, reported meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.chunks import chunked
from mailbus.errors import SendError
from mailbus.ledger import items
from mailbus.ledger.records import UNKNOWN, JobRecord, RecordKey, SentEntry, first_version
from mailbus.ledger.table import INVALID, PUTS_PER_CALL, TRIES, Refused, assignments, busy
from mailbus.ledger.tracking_health import TrackingHealth, read_health

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailbus.ledger.table import LedgerTable

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
CLAIMS_PER_CALL: Final = 100
TRANSACTION_BYTES: Final = 3_500_000  # of 4 MB, since sizes are estimates
# the codes of a cancelled transaction's reasons; every other one is temporary, such as TransactionConflict
FINE: Final = "None"
CONDITION_FAILED: Final = "ConditionalCheckFailed"
# what a result without it leaves as it is: the mark of an event sets it
KEPT: Final = frozenset({"accepted_at"})


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A record to be written, in place of `seen`: the record that the caller judged, or None."""

    record: JobRecord
    seen: JobRecord | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """The record is written, with its version as it is now."""

    record: JobRecord


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is written: the ledger has another record by now, this one."""

    record: JobRecord


Answer = Claimed | Found | SendError


class _Put(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as it is written: `seen` is the version that it replaces."""

    record: JobRecord
    item: dict[str, Any]
    seen: int | None
    now: float

    @classmethod
    def of(cls, claim: Claim, now: float) -> _Put:
        """Set the record's version."""
        seen = None if claim.seen is None else claim.seen.version
        version = first_version(now) if seen is None else seen + 1
        record = msgspec.structs.replace(claim.record, version=version)
        return cls(record=record, item=items.item(record), seen=seen, now=now)

    @property
    def parameters(self) -> dict[str, Any]:
        """DynamoDB's Put."""
        values = {":now": items.number(self.now)}
        condition = "attribute_not_exists(pk) OR expires_at <= :now"
        if self.seen is not None:
            condition += " OR version = :seen"
            values[":seen"] = items.number(self.seen)
        return {
            "Item": self.item,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }


class Claims:
    """Claims jobs and saves their results.

    With `index_messages`, what is saved is also found by SES's message ids, for one more write per message.
    """

    def __init__(self, table: LedgerTable, *, index_messages: bool = False) -> None:
        self._table = table
        self._index_messages = index_messages

    def find(self, keys: Iterable[RecordKey]) -> dict[RecordKey, JobRecord]:
        """Return the records of these keys as they are now. Raises `SendError`."""
        return self._table.find(keys)

    def tracking_health(self) -> TrackingHealth:
        """Return whether SES's reports are processed in time. Raises `SendError`."""
        return read_health(self._table)

    def claim(self, claims: Sequence[Claim], *, now: float) -> list[Answer]:
        """Write records if they are still as seen; return an answer for each claim, in order.

        One transaction for all, as long as none is refused. Of several claims of one record only the first
        is made; the others find what it wrote. `now` is in epoch seconds.
        """
        first: dict[RecordKey, int] = {}
        for index, claim in enumerate(claims):
            first.setdefault(claim.record.key, index)
        puts = [_Put.of(claims[index], now) for index in first.values()]
        answers: dict[RecordKey, Answer] = {}
        transactions = chunked(
            puts, CLAIMS_PER_CALL, most_bytes=TRANSACTION_BYTES, size=lambda put: items.size(put.item)
        )
        for transaction in transactions:
            answers |= self._claim_with_retries(transaction)
        return [
            answers[claim.record.key]
            if first[claim.record.key] == index
            else _of_duplicate(answers[claim.record.key])
            for index, claim in enumerate(claims)
        ]

    def save(self, records: Sequence[JobRecord]) -> tuple[RecordKey, ...]:
        """Write the results of claims while their leases last; return the keys of what is not written.

        A record whose outcome is fully known replaces what the ledger holds, 25 a call. Where SES may have
        accepted an entry without this worker's knowledge, its event may have been recorded meanwhile: such a
        record is merged with what the ledger holds, by a call of its own. Messages are indexed last.
        """
        known = [record for record in records if not _in_doubt(record)]
        unsaved = [
            items.read_key(item)
            for chunk in chunked(known, PUTS_PER_CALL)
            for item in self._table.put([items.item(_past_all_marks(record)) for record in chunk])
        ]
        unsaved += [record.key for record in records if _in_doubt(record) and not self._merge(record)]
        # a ledger that did not take the records is not tried again
        if self._index_messages and not unsaved:
            unsaved += self._index(records)
        return tuple(dict.fromkeys(unsaved))

    def release_lease(self, record: JobRecord) -> None:
        """End a claim's lease, if it still is that claim's; otherwise the lease ends by itself.

        The entries stay open, in doubt. Raises `SendError`.
        """
        self._end_lease(record, "SET lease_until = :none", {})

    def revert_claim(self, record: JobRecord) -> None:
        """Revert a claim whose response was lost, if it was made: SES was not called, so nothing is in doubt.

        Raises `SendError`; the job is in doubt then.
        """
        expression = "SET lease_until = :none REMOVE #open ADD version :one"
        self._end_lease(record, expression, {":one": items.number(1)})

    def _end_lease(self, record: JobRecord, expression: str, values: Mapping[str, Any]) -> None:
        self._table.update(
            items.key_item(record.key),
            expression,
            {
                **values,
                ":none": items.number(0.0),
                ":called": items.number(record.called_at),
                ":lease": items.number(record.lease_until),
            },
            condition="called_at = :called AND lease_until = :lease",
        )

    def _claim_with_retries(self, puts: Sequence[_Put]) -> dict[RecordKey, Answer]:
        """Write what can be written, and wait a little for items in other transactions."""
        answers: dict[RecordKey, Answer] = {}
        held: Sequence[_Put] = puts
        for attempt in range(TRIES):
            self._table.back_off(attempt)
            settled, held = self._claim_once(held)
            answers |= settled
            if not held:
                break
        return answers | {put.record.key: busy() for put in held}

    def _claim_once(self, puts: Sequence[_Put]) -> tuple[dict[RecordKey, Answer], list[_Put]]:
        """Write all that is not refused: a transaction is all or nothing, so refused claims leave it.

        The second value has the claims whose items are in other transactions.
        """
        answers: dict[RecordKey, Answer] = {}
        held: list[_Put] = []
        pending = list(puts)
        while pending:
            try:
                reasons = self._table.transact(put.parameters for put in pending)
            except SendError as error:
                if error.code != INVALID or len(pending) == 1:
                    return answers | {put.record.key: error for put in pending}, held
                # one bad item refuses the whole call: each on its own, so that only it fails
                for put in pending:
                    answer, held_alone = self._claim_once([put])
                    answers |= answer
                    held += held_alone
                return answers, held
            if not reasons:
                return answers | {put.record.key: Claimed(record=put.record) for put in pending}, held
            refused = [(put, reason["Code"], reason) for put, reason in zip(pending, reasons, strict=True)]
            answers |= {
                put.record.key: Found(record=items.read(reason["Item"]))
                for put, code, reason in refused
                if code == CONDITION_FAILED
            }
            held += [put for put, code, _ in refused if code not in {CONDITION_FAILED, FINE}]
            pending = [put for put, code, _ in refused if code == FINE]
            if len(pending) == len(refused):
                # cancelled without a reason: it is unknown which one to leave out
                return answers, [*held, *pending]
        return answers, held

    def _index(self, records: Sequence[JobRecord]) -> list[RecordKey]:
        """Index each accepted entry by its message id; return the keys of records that are not all indexed.

        What a failing ledger leaves over is not retried: the time belongs to the events.
        """
        puts = [
            items.message_item(message_id, SentEntry(key=record.key, entry=entry), record.expires_at)
            for record in records
            for entry, message_id in record.accepted.items()
        ]
        calls = chunked(puts, PUTS_PER_CALL)
        for call in calls:
            if left := self._table.put(call):
                untried = (*left, *(item for later in calls for item in later))
                return [items.read_message(item)[1].key for item in untried]
        return []

    def _merge(self, record: JobRecord) -> bool:
        """Write a worker's result over the ledger's record, but remove nothing from `accepted`."""
        values = items.fields(record)
        del values["version"]
        values |= {f"accepted.{entry}": value for entry, value in values.pop("accepted")["M"].items()}
        expression, aliased = assignments(values, remove=sorted(items.OPTIONAL - KEPT - values.keys()))
        try:
            refused = self._table.update(
                items.key_item(record.key),
                f"{expression} ADD version :one",
                {**aliased, ":one": items.number(1)},
                condition="called_at = :called_at",
            )
        except SendError:
            return False
        return not isinstance(refused, Refused)


def _of_duplicate(first: Answer) -> Found | SendError:
    return first if isinstance(first, SendError) else Found(record=first.record)


def _in_doubt(record: JobRecord) -> bool:
    """Return whether SES may have accepted an entry, now or before, without this worker's knowledge."""
    return bool(record.open or record.unknown or UNKNOWN in record.attempts)


def _past_all_marks(record: JobRecord) -> JobRecord:
    """Skip every version that the record can have reached since: marks add at most one for each entry."""
    return msgspec.structs.replace(record, version=record.version + record.entries + 1)
