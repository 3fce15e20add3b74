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
from mailbus.ledger.table import INSERTS_PER_CALL, PUTS_PER_CALL, Refused, assignments, busy
from mailbus.ledger.tracking_health import TrackingHealth, read_health
from mailbus.side_by_side import in_threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailbus.ledger.table import LedgerTable
    from mailbus.side_by_side import SideBySide

# a call of at most 4 MB, as a transaction's: no limit is documented, and sizes are estimates
CALL_BYTES: Final = 3_500_000
# as many connections as botocore keeps open
PUTS_AT_A_TIME: Final = 10
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
    def condition(self) -> str:
        """Whether nothing is overwritten but what was seen, or what is ignored."""
        condition = "attribute_not_exists(pk) OR expires_at <= :now"
        return condition if self.seen is None else f"{condition} OR version = :seen"

    @property
    def values(self) -> dict[str, Any]:
        """The values of the condition."""
        values = {":now": items.number(self.now)}
        return values if self.seen is None else values | {":seen": items.number(self.seen)}


class Claims:
    """Claims jobs and saves their results.

    With `index_messages`, what is saved is also found by SES's message ids, for one more write per message.
    """

    def __init__(
        self, table: LedgerTable, *, index_messages: bool = False, side_by_side: SideBySide = in_threads
    ) -> None:
        self._table = table
        self._index_messages = index_messages
        self._side_by_side = side_by_side

    def find(self, keys: Iterable[RecordKey]) -> dict[RecordKey, JobRecord]:
        """Return the records of these keys as they are now. Raises `SendError`."""
        return self._table.find(keys)

    def tracking_health(self) -> TrackingHealth:
        """Return whether SES's reports are processed in time. Raises `SendError`."""
        return read_health(self._table)

    def claim(self, claims: Sequence[Claim], *, now: float) -> list[Answer]:
        """Write records if they are still as seen; return an answer for each claim, in order.

        New records are inserted, 25 a call. A record that was seen, or that was not inserted, is put by a
        call of its own: most likely the ledger has it. Of several claims of one record only the first is
        made; the others find what it wrote. `now` is in epoch seconds.
        """
        first: dict[RecordKey, int] = {}
        for index, claim in enumerate(claims):
            first.setdefault(claim.record.key, index)
        puts = [_Put.of(claims[index], now) for index in first.values()]
        answers = self._insert([put for put in puts if put.seen is None])
        others = [put for put in puts if put.record.key not in answers]
        found = self._side_by_side(self._put, others, PUTS_AT_A_TIME)
        answers |= {put.record.key: answer for put, answer in zip(others, found, strict=True)}
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

    def _insert(self, puts: Sequence[_Put]) -> dict[RecordKey, Answer]:
        """Insert records; those that are not inserted have no answer."""
        answers: dict[RecordKey, Answer] = {}
        for call in chunked(
            puts, INSERTS_PER_CALL, most_bytes=CALL_BYTES, size=lambda put: items.size(put.item)
        ):
            try:
                inserted = self._table.insert([put.item for put in call])
            except SendError as error:
                answers |= {put.record.key: error for put in call}
            else:
                answers |= {
                    put.record.key: Claimed(record=put.record)
                    for put, is_inserted in zip(call, inserted, strict=True)
                    if is_inserted
                }
        return answers

    def _put(self, put: _Put) -> Answer:
        try:
            refused = self._table.put_if(put.condition, put.item, put.values)
        except SendError as error:
            return error
        return Claimed(record=put.record) if refused is None else _of_found(put, refused.record)

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


def _of_found(put: _Put, found: JobRecord | None) -> Answer:
    """Return the answer to a claim that was refused because of what the ledger has.

    It may be this very claim: its answer was lost, and the client tried again. If the record has changed
    since, as by the mark of an event, the answer is an error, so that the caller reverts the claim.
    """
    if found is None:
        return busy()
    if not put.record.lease_until or _owner(put.record) != _owner(found):
        return Found(record=found)
    # as items, since some records that differ are the same item, such as those of jobs without metadata
    return Claimed(record=put.record) if items.item(found) == put.item else busy()


def _owner(record: JobRecord) -> tuple[str, float, float]:
    return record.sqs_message_id, record.called_at, record.lease_until


def _of_duplicate(first: Answer) -> Found | SendError:
    return first if isinstance(first, SendError) else Found(record=first.record)


def _in_doubt(record: JobRecord) -> bool:
    """Return whether SES may have accepted an entry, now or before, without this worker's knowledge."""
    return bool(record.open or record.unknown or UNKNOWN in record.attempts)


def _past_all_marks(record: JobRecord) -> JobRecord:
    """Skip every version that the record can have reached since: marks add at most one for each entry."""
    return msgspec.structs.replace(record, version=record.version + record.entries + 1)
