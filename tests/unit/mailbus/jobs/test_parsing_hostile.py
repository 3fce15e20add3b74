from __future__ import annotations

import base64
import json
import time
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.jobs.contract import SendJob
from mailbus.jobs.job import Job, envelopes
from mailbus.jobs.job_id import JOB_ID_PATTERN
from mailbus.jobs.parsing import content_reference, parse_document, parse_job
from mailbus.jobs.splitting import split
from mailbus.jobs.strict_json import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"
FIELDS = SendJob.__struct_fields__

LINES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS
NUMBERED = st.integers(0, 30).map(lambda number: f"reader{number}@example.org")
ADDRESSES = NUMBERED | NUMBERED.map(lambda address: f'"Lee, Ann" <{address}>')
ADDRESS_FIELD = ADDRESSES | st.lists(ADDRESSES, max_size=12)
METADATA = st.dictionaries(TEXTS, SCALARS, max_size=4)
HEADER_NAMES = st.integers(0, 4).map(lambda number: f"X-Reader-{number}")
HEADERS = st.dictionaries(HEADER_NAMES, LINES, max_size=4)
# SES refuses empty ones
MERGE_HEADERS = st.dictionaries(HEADER_NAMES, LINES.filter(lambda text: text.strip(" ")), max_size=4)
FILES = st.fixed_dictionaries(
    {
        "filename": LINES.map(lambda name: f"{name}.pdf"),
        "content": st.binary(max_size=40).map(lambda content: base64.b64encode(content).decode()),
    },
    optional={
        "content_type": st.sampled_from(["application/pdf", 'text/csv; header="present"', "image/png"]),
        "disposition": st.sampled_from(["attachment", "inline"]),
    },
)
FORMS = st.fixed_dictionaries(
    {"content": TEXTS, "content_type": st.sampled_from(["text/x-amp-html", "text/calendar; method=REQUEST"])}
)
ORDINARY = st.fixed_dictionaries(
    {
        "from_email": ADDRESSES | st.lists(ADDRESSES, min_size=1, max_size=3),
        "to": ADDRESS_FIELD,
        "text": TEXTS,
    },
    optional={
        "job_id": st.from_regex(JOB_ID_PATTERN, fullmatch=True),
        "schema_version": st.just(1),
        "cc": ADDRESS_FIELD,
        "bcc": ADDRESS_FIELD,
        "reply_to": ADDRESS_FIELD,
        "subject": LINES,
        "html": TEXTS,
        "alternatives": st.lists(FORMS, max_size=2),
        "attachments": st.lists(FILES, max_size=2),
        "headers": HEADERS,
        "envelope_sender": ADDRESSES,
        "tags": st.lists(LINES.filter(str.strip), max_size=3),
        "metadata": METADATA,
        "track_opens": st.booleans(),
        "track_clicks": st.none() | st.booleans(),
        "send_at": st.integers(0, 2_000_000_000),
        "expires_at": st.sampled_from(["2100-01-01T00:00:00Z", 4_000_000_000.5]),
        "esp_extra": st.dictionaries(st.sampled_from(["TenantName", "ConfigurationSetName"]), LINES),
    },
)


@st.composite
def merges(draw: st.DrawFn) -> dict[str, Any]:
    to = draw(st.lists(NUMBERED, min_size=1, max_size=8, unique=True))

    def per_recipient(values: st.SearchStrategy[Any]) -> dict[str, Any]:
        return draw(st.dictionaries(st.sampled_from(to), values, max_size=len(to)))

    return {
        "from_email": draw(ADDRESSES),
        "to": to,
        "cc": draw(st.lists(NUMBERED, max_size=4)),
        "template_id": "welcome",
        "headers": draw(MERGE_HEADERS),
        "metadata": draw(METADATA),
        "merge_data": per_recipient(
            st.dictionaries(TEXTS, SCALARS | st.lists(SCALARS, max_size=3), max_size=3)
        ),
        "merge_metadata": per_recipient(METADATA),
        "merge_headers": per_recipient(MERGE_HEADERS),
        "merge_global_data": draw(METADATA),
    }


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NASTY = st.sampled_from(
    [
        "a\r\nBcc: eve@example.org",
        "a\0b",
        "\u2028",
        "\ud800",
        "a@b@c",
        "@",
        "<>",
        '"',
        "=?utf-8?b?DQo=?=",
        "a" * 5000,
        -1,
        10**400,
        float("nan"),
        [[[[]]]],
        {"": {}},
        [None],
        {"$ref": "#"},
    ]
)


def outcome(body: str) -> Job | InvalidJob:
    """Read a job as the sender does; anything but a job or a clear refusal breaks the test."""
    read = read_or_refused(body)
    if isinstance(read, InvalidJob):
        assert read.path.startswith("$")
        assert read.reason
        assert len(str(read).encode()) < 1000
        assert "\n" not in str(read)
    return read


def read_or_refused(body: str) -> Job | InvalidJob:
    try:
        document = read_document(body)
        if content_reference(document) is not None:
            document = {}
        job = parse_document(document, SQS_ID)
        split(document, job)
    except InvalidJob as error:
        return error
    return job


def bare(field: Any) -> set[str]:
    written = [field] if isinstance(field, str) else field or []
    return {address.rpartition("<")[2].removesuffix(">") for address in written}


def decoded(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers as a mail program shows them."""
    return {name: str(make_header(decode_header(value))) for name, value in headers}


@example(
    {"from_email": "ann@example.org", "to": "ben@example.org", "text": "", "headers": {"X-Code": "=??Q??="}}
)
@given(ORDINARY)
def test_a_valid_job_is_read_as_meant(document: dict[str, Any]) -> None:
    job = outcome(json.dumps(document))
    if isinstance(job, InvalidJob):
        assert job.reason.startswith("has no recipients")
        assert not any(document.get(field) for field in ("to", "cc", "bcc"))
        return
    meant = set().union(*(bare(document.get(field)) for field in ("to", "cc", "bcc")))
    assert sorted(envelopes(job)[0].recipients) == sorted(meant)
    assert job.job_id == document.get("job_id", SQS_ID)
    assert (job.subject, job.text, job.html) == (
        document.get("subject", ""),
        document["text"],
        document.get("html"),
    )
    assert job.metadata == document.get("metadata", {})
    assert job.tags == tuple(tag.strip() for tag in document.get("tags", ()))
    assert decoded(job.headers) == {
        name: text.strip(" \t") for name, text in document.get("headers", {}).items()
    }
    assert [file.content for file in job.attachments] == [
        base64.b64decode(file["content"]) for file in document.get("attachments", [])
    ]
    assert sorted(form.content for form in job.alternatives) == sorted(
        form["content"] for form in document.get("alternatives", [])
    )
    assert (job.track_opens, job.track_clicks) == (document.get("track_opens"), document.get("track_clicks"))
    assert job.send_at == document.get("send_at")
    assert job.esp_extra == document.get("esp_extra", {})
    assert job.merge is None


def as_sent(value: Any) -> Any:
    """Null is an empty text."""
    if isinstance(value, dict):
        return {name: as_sent(item) for name, item in value.items()}
    return [as_sent(item) for item in value] if isinstance(value, list) else "" if value is None else value


@given(merges())
def test_a_valid_merge_is_read_as_meant(document: dict[str, Any]) -> None:
    job = outcome(json.dumps(document))
    assert isinstance(job, Job)
    assert job.merge is not None
    for address, recipient in zip(document["to"], job.merge.recipients, strict=True):
        own = {
            field: document[f"merge_{field}"].get(address, {}) for field in ("data", "metadata", "headers")
        }
        assert recipient.mailbox.address == address
        assert recipient.complete_data == as_sent(document["merge_global_data"] | own["data"])
        assert recipient.metadata == document["metadata"] | own["metadata"]
        headers = document["headers"] | own["headers"]
        assert decoded(recipient.headers) == {name: text.strip(" \t") for name, text in headers.items()}
    for one in envelopes(job):
        assert set(one.recipients) == {*one.to, *document["cc"]}
        assert len(one.recipients) == len(set(one.recipients))


@given(ORDINARY | merges(), st.data())
def test_a_nearly_valid_job_is_read_or_refused_and_nothing_else(
    document: dict[str, Any], data: st.DataObject
) -> None:
    spoiled = json.loads(json.dumps(document))
    holder, name = data.draw(st.sampled_from([*places(spoiled)]))
    match data.draw(st.sampled_from(["replace", "remove", "rename"])):
        case "replace":
            holder[name] = data.draw(NASTY | ANYTHING)
        case "remove":
            del holder[name]
        case _ if isinstance(holder, dict):
            holder[data.draw(st.text(st.characters(exclude_categories=[]), max_size=8))] = holder.pop(name)
        case _:
            holder.insert(name, data.draw(NASTY))
    outcome(json.dumps(spoiled))


def places(value: Any) -> list[tuple[Any, Any]]:
    """List where a document can be spoiled: each entry of each object and array."""
    if isinstance(value, dict):
        names: list[Any] = list(value)
    else:
        names = list(range(len(value))) if isinstance(value, list) else []
    return [(value, name) for name in names] + [spot for name in names for spot in places(value[name])]


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), NASTY | ANYTHING, max_size=6))
def test_wrong_types_anywhere_are_refused_and_nothing_else(fields: dict[str, Any]) -> None:
    base = {"from_email": "a@example.com", "to": ["ann@example.org"], "text": "Hello"}
    outcome(json.dumps(fields))
    outcome(json.dumps(base | fields))


@given(st.text(st.characters(exclude_categories=[]), max_size=200) | ANYTHING.map(json.dumps))
def test_a_body_of_any_text_is_refused_and_nothing_else(body: str) -> None:
    assert isinstance(outcome(body), InvalidJob)


def letter(**fields: Any) -> str:
    base = {"from_email": "a@example.com", "to": ["ann@example.org"], "subject": "Hello", "text": "Hello"}
    return json.dumps(base | fields)


def crowd(count: int) -> list[str]:
    return [f"Reader {number} <reader{number}@example.org>" for number in range(count)]


HOSTILE: dict[str, tuple[Callable[[], str], str]] = {
    "a subject of 10 MB": (lambda: letter(subject="x" * 10_000_000), "$.subject"),
    "a subject of 10 MB of line ends": (lambda: letter(subject="\r\n" * 5_000_000), "$.subject"),
    "an address of 10 MB": (lambda: letter(to=["a" * 10_000_000 + "@example.org"]), "$.to[0]"),
    "a header of 10 MB": (lambda: letter(headers={"X-A": "x" * 10_000_000}), "$.headers.X-A"),
    "a header name of 10 MB": (lambda: letter(headers={"x" * 10_000_000: ""}), "$.headers["),
    "a field name of 10 MB": (lambda: letter(**{"x" * 10_000_000: ""}), "$["),
    "100,000 recipients of one mail": (lambda: letter(to=crowd(100_000)), "$.to"),
    "1,000,000 recipients of a merge": (
        lambda: letter(to=["reader@example.org"] * 1_000_000, merge_data={}),
        "$.to",
    ),
    "100,000 unknown fields": (lambda: letter(**{f"f{n}": 1 for n in range(100_000)}), "$.f0"),
    "100,000 tags": (lambda: letter(tags=["x"] * 100_000), "$.tags"),
    "100,000 empty files": (
        lambda: letter(attachments=[{"filename": "a", "content": ""}] * 100_000),
        "$.attachments",
    ),
    "a recipient of the wrong type after 100,000": (lambda: letter(to=[*crowd(100_000), 17]), "$.to[100000]"),
    "template data for 100,000 strangers": (
        lambda: letter(merge_data={f"x{number}@example.org": {} for number in range(100_000)}),
        "$.merge_data[entry 1]",
    ),
    "brackets without end": (lambda: "[" * 1_000_000, "$"),
    "900 levels": (lambda: letter(merge_global_data={"a": json.loads("[" * 900 + "]" * 900)}), "$"),
    "1,000,000 numbers of no end": (
        lambda: letter(esp_extra={"a": [1, float("inf")] * 500_000}),
        "$.esp_extra.a[1]",
    ),
    "a number of 1,000,000 digits": (lambda: '{"send_at": ' + "9" * 1_000_000 + "}", "$"),
    "a key 100,000 times": (lambda: "{" + ",".join(['"to": 1'] * 100_000) + "}", "$.to"),
    "10 MB that are not base64": (
        lambda: letter(attachments=[{"filename": "a", "content": "-" * 10_000_000}]),
        "$.attachments[0].content",
    ),
    "10 MB of half surrogates": (lambda: letter(text="\ud800" * 2_000_000), "$.text"),
    "a content type of 10 MB": (
        lambda: letter(attachments=[{"filename": "a", "content": "", "content_type": "a/b;" * 2_500_000}]),
        "$.attachments[0].content_type",
    ),
    "an address of quotes without end": (lambda: letter(to=['"\\' * 900 + "@example.org"]), "$.to[0]"),
    "a list of addresses of commas": (lambda: letter(headers={"To": "," * 8000}), "$.headers.To"),
}
# far above what the slowest takes here, and far below what one backtracking expression would
SECONDS = 10.0


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_job_is_refused_quickly_at_its_path(name: str) -> None:
    build, path = HOSTILE[name]
    body = build()
    began = time.process_time()
    error = outcome(body)
    assert time.process_time() - began < SECONDS
    assert isinstance(error, InvalidJob)
    assert error.path.startswith(path)


def test_a_merge_of_100000_recipients_is_read_and_cut_in_time() -> None:
    document = {
        "from_email": "news@example.com",
        "to": crowd(100_000),
        "text": "Dear {{name}}",
        "merge_data": {f"reader{number}@example.org": {"name": number} for number in range(100_000)},
    }
    began = time.process_time()
    job = parse_job(json.dumps(document), SQS_ID)
    parts = split(document, job)
    assert time.process_time() - began < 2 * SECONDS
    assert len(parts) == 2000
    assert parts[-1]["merge_data"]["reader99999@example.org"] == {"name": 99_999}
