"""Jobs with values made to escape from their fields: each is refused by its path, or arrives unchanged."""

from __future__ import annotations

import base64
import json
import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import formataddr
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.jobs.parsing import parse_job
from sender.ses.mime import build_message

if TYPE_CHECKING:
    from email.message import Message

    from mailbus.jobs.job import Job

# what is allowed in no header, or in no text at all
ILLEGAL = (
    "\r\nX-Evil: 1",
    "\nX-Evil: 1",
    "\rX-Evil: 1",
    "\r\n\r\n<p>evil</p>",
    "\x00",
    "\x0b",
    "\x85",
    "\u2028X-Evil: 1",
    "\ud800",
)
# what is allowed, and has a meaning for a mail client
TRICKY = (
    "=?utf-8?q?=0D=0AX-Evil:_1?=",
    "=?utf-8?b?DQpYLUV2aWw6IDE=?=",
    "=?x?",
    '"',
    "\\",
    ";",
    ",",
    ":",
    "<",
    ">",
    "(",
    "@",
    "; name=evil.exe",
    '"; X-Evil="1',
    " ",
    "\t",
    "é",
    "🎉",
    "日本語",
    "a" * 80,
    "a" * 1000,
    "{{evil}}",
    "--=_mixed_",
    "hello",
    "ann",
)
ALLOWED = st.lists(st.sampled_from(TRICKY), max_size=4).map("".join)
# one in sixteen is illegal, so that most jobs are valid and sent
TEXT = st.integers(0, 15).flatmap(
    lambda draw: ALLOWED if draw else st.lists(st.sampled_from(TRICKY + ILLEGAL), max_size=4).map("".join)
)
TYPES = st.sampled_from(
    ["text/calendar; method=REQUEST", "text/x-amp-html", "application/json", "Text/Markdown"]
)
NAMES = st.sampled_from(
    [
        "X-Note",
        "List-Unsubscribe",
        "x-note",
        "Comments",
        "X" * 126,
        "Bcc",
        "Content-Type",
        "Sender",
        "X Y",
        "X:Y",
    ]
)


def address(name: str) -> Any:
    plain = f"{name}@example.com"
    return st.integers(0, 15).flatmap(
        lambda draw: {
            0: TEXT.map(lambda text: f"{text}@example.com"),
            1: TEXT.map(lambda text: f"{text} <{plain}>"),
            2: ALLOWED.map(lambda text: formataddr((text, plain))),
        }.get(draw, st.just(plain))
    )


ATTACHMENT = st.fixed_dictionaries(
    {"content": st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode())},
    optional={
        "filename": st.just("invoice.pdf") | TEXT,
        "content_type": TYPES
        | TYPES
        | TYPES
        | st.builds(lambda kind, text: f'{kind}; name="{text}"', TYPES, TEXT),
        "content_id": st.just("logo") | TEXT,
        "disposition": st.sampled_from(["inline", "attachment"]),
    },
)
ALTERNATIVE = st.fixed_dictionaries(
    {
        "content": TEXT,
        "content_type": TYPES
        | TYPES
        | TYPES
        | st.builds(lambda kind, text: f'{kind}; name="{text}"', TYPES, TEXT),
    }
)
DOCUMENT = st.fixed_dictionaries(
    {
        "from_email": address("hello"),
        "to": st.lists(address("ann"), min_size=1, max_size=2),
        "text": TEXT,
    },
    optional={
        "subject": TEXT,
        "html": TEXT,
        "cc": st.lists(address("lee"), max_size=2),
        "reply_to": st.lists(address("desk"), max_size=2),
        "headers": st.dictionaries(NAMES, TEXT, max_size=2),
        "tags": st.lists(TEXT, max_size=2),
        "metadata": st.dictionaries(TEXT, TEXT, max_size=2),
        "attachments": st.lists(ATTACHMENT, max_size=2),
        "alternatives": st.lists(ALTERNATIVE, max_size=2),
    },
)
OURS = {"from", "sender", "to", "cc", "reply-to", "subject", "x-tag", "x-metadata", "mime-version"}
STRUCTURE = {"content-type", "content-transfer-encoding"}
OF_PARTS = STRUCTURE | {"content-disposition", "content-id"}


def plain(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").replace("\r", "\n")


def content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def check(job: Job) -> None:
    raw = build_message(job, metadata_in_headers=True)
    assert raw.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    own = {name.lower() for name, _ in job.headers}
    assert {name.lower() for name in message} <= OURS | OF_PARTS | own
    inner = [part for part in message.walk() if part is not message]
    assert {name.lower() for part in inner for name in part} <= OF_PARTS
    assert not [part for part in message.walk() if part.defects]

    files = [part for part in message.walk() if part.get_content_disposition() is not None]
    assert sorted(map(content, files)) == sorted(
        file.content for file in job.attachments if isinstance(file.content, bytes)
    )
    leaves = [part for part in message.walk() if not part.is_multipart() and part not in files]
    forms = [job.text, job.html, *(alternative.content for alternative in job.alternatives)]
    assert sorted(plain(content(part).decode()) for part in leaves) == sorted(
        plain(form) for form in forms if form is not None
    )
    assert (message["Subject"] or "") == job.subject.strip(" \t")
    older = message_from_bytes(raw, policy=policy.compat32)
    tags = [str(make_header(decode_header(tag.replace("\r\n", "")))) for tag in older.get_all("X-Tag", [])]
    assert tags == [tag.strip(" \t") for tag in job.tags]
    assert json.loads(message["X-Metadata"] or "{}") == job.metadata


@given(DOCUMENT)
def test_no_value_of_a_job_escapes_from_its_field(document: dict[str, Any]) -> None:
    try:
        job = parse_job(json.dumps(document), "0f0e0d0c-0000-4000-8000-000000000001")
    except InvalidJob as refused:
        reason = str(refused)
        assert reason.startswith("$")
        assert "\n" not in reason
    else:
        check(job)
