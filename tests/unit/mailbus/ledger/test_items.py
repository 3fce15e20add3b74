from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mailbus.jobs.job_id import JOB_ID_PATTERN
from mailbus.ledger import items
from mailbus.ledger.records import JobRecord, RecordKey
from tests.unit.mailbus.ledger.world import NOW, job, largest, part, size

entries = st.integers(0, 49)
scalars = st.text(max_size=9) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.none()


def test_a_small_record_is_no_larger_than_its_estimate() -> None:
    for record in (job(), part()):
        assert size(items.item(record)) <= items.size(items.item(record))


@given(
    st.builds(
        JobRecord,
        key=st.builds(
            RecordKey,
            job_id=st.from_regex(JOB_ID_PATTERN, fullmatch=True),
            part=st.none() | st.integers(0, 10**6),
        ),
        fingerprint=st.text(max_size=9),
        state=st.sampled_from(["active", "scheduled", "failed", "cancelled"]),
        entries=st.integers(1, 50),
        sqs_message_id=st.text(max_size=9),
        version=st.integers(0, 2**60),
        lease_until=st.floats(0, 1e10),
        open=st.lists(entries).map(tuple),
        called_at=st.floats(0, 1e10),
        accepted=st.dictionaries(entries, st.text(max_size=9)),
        accepted_at=st.floats(0, 1e10),
        unknown=st.lists(entries).map(tuple),
        failed=st.dictionaries(entries, st.text(max_size=9)),
        tries=st.dictionaries(entries, st.integers(0, 99)),
        parts=st.integers(0, 9999),
        attempts=st.dictionaries(st.text(max_size=9), st.integers(0, 99)),
        due=st.none() | st.floats(0, 1e10),
        metadata=st.lists(st.dictionaries(st.text(max_size=9), scalars), max_size=3).map(tuple).filter(any)
        | st.just(()),
        tags=st.lists(st.text(max_size=9), max_size=3).map(tuple),
        expires_at=st.integers(0, 2**40),
    )
)
def test_a_record_is_read_as_it_was_written(record: JobRecord) -> None:
    assert items.read(items.item(record)) == record


def test_the_optional_attributes_are_those_that_a_bare_record_lacks() -> None:
    whole = largest()
    bare = JobRecord(key=RecordKey(job_id="order-1001"))
    present = items.fields(msgspec.structs.replace(whole, accepted_at=NOW)).keys()
    assert present - items.fields(bare).keys() == items.OPTIONAL
    assert present | {"key"} == set(JobRecord.__struct_fields__)
