from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from mailbus.addresses import format_mailbox, parse_mailbox
from mailbus.events import Mailbox
from mailbus.jobs.parsing import parse_document, parse_job
from mailbus.jobs.splitting import split

if TYPE_CHECKING:
    from mailbus.jobs.job import Job, MergeRecipient

SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"
DEFAULTS = {"from_email": "news@example.com", "merge_data": {"reader7@example.org": {"vip": True}}}


def newsletter(readers: int, **fields: Any) -> dict[str, Any]:
    addresses = [f"reader{number}@Example.org" for number in range(readers)]
    return {
        "to": [f'"Reader, No. {number}" <{address}>' for number, address in enumerate(addresses)],
        "subject": "Hello {{name}}",
        "html": "<p>Dear {{name}}</p>",
        "merge_data": {address.lower(): {"name": n} for n, address in enumerate(addresses)},
        "merge_metadata": {address: {"reader": n} for n, address in enumerate(addresses) if n % 2},
        "merge_headers": {},
        "tags": ["news"],
    } | fields


def recipients(job: Job) -> tuple[MergeRecipient, ...]:
    assert job.merge is not None
    return job.merge.recipients


def test_the_parts_of_a_merge_are_jobs_that_together_have_its_content() -> None:
    document = newsletter(120)
    whole = parse_document(document, SQS_ID, defaults=DEFAULTS)
    parts = split(document, whole)
    jobs = [parse_job(json.dumps(part), "other", defaults=DEFAULTS) for part in parts]
    assert [len(recipients(job)) for job in jobs] == [50, 50, 20]
    assert tuple(one for job in jobs for one in recipients(job)) == recipients(whole)
    assert {job.job_id for job in jobs} == {SQS_ID}
    assert len({job.fingerprint for job in jobs}) == 3
    assert all((job.subject, job.html, job.tags) == (whole.subject, whole.html, whole.tags) for job in jobs)


def test_a_part_carries_nothing_of_other_recipients() -> None:
    document = newsletter(51)
    last = split(document, parse_document(document, SQS_ID, defaults=DEFAULTS))[1]
    assert last["to"] == ['"Reader, No. 50" <reader50@Example.org>']
    assert last["merge_data"] == {"reader50@Example.org": {"name": 50}}
    assert (last["merge_metadata"], last["merge_headers"]) == ({}, {})


def test_the_same_document_is_always_split_into_the_same_parts() -> None:
    first, second = (
        split(
            json.loads(json.dumps(newsletter(70))), parse_document(newsletter(70), SQS_ID, defaults=DEFAULTS)
        )
        for _ in range(2)
    )
    assert first == second


def test_what_one_call_takes_is_one_part() -> None:
    document = newsletter(50)
    assert len(split(document, parse_document(document, SQS_ID, defaults=DEFAULTS))) == 1
    ordinary = {"from_email": "a@example.com", "to": "ann@example.org", "text": "Hello"}
    assert split(ordinary, parse_document(ordinary, SQS_ID)) == (ordinary | {"job_id": SQS_ID},)


def test_recipients_that_the_defaults_name_are_cut_too() -> None:
    document = {"subject": "Report", "text": "Hello", "merge_global_data": {}}
    defaults = {"from_email": "a@example.com", "to": [f"r{number}@example.org" for number in range(60)]}
    whole = parse_document(document, SQS_ID, defaults=defaults)
    parts = [parse_document(part, SQS_ID, defaults=defaults) for part in split(document, whole)]
    assert tuple(one for part in parts for one in recipients(part)) == recipients(whole)


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=800)


@given(NAMES)
def test_a_mailbox_of_any_name_is_read_again_as_it_was(name: str) -> None:
    mailbox = Mailbox(name=name, address=f"{'x' * 64}@example.org")
    assert parse_mailbox(format_mailbox(mailbox), "$.to[0]") == mailbox
