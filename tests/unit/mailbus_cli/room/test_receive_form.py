from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

import pytest

from mailbus_cli.room.forms import File, InvalidFormError
from mailbus_cli.room.receive_form import MAX_MAIL_BYTES, Incoming, incoming
from mailbus_local.ses.receiving.receiver import MAX_MAIL_BYTES as RECEIVED_BYTES
from mailbus_local.ses.receiving.verdicts import parse_verdicts

NOW = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
FORM = {
    "as": "compose",
    "from": "Ada Lovelace <ada@example.org>",
    "to": "support@inbound.example.com",
    "subject": "Re: Your invoice",
    "text": "It should say 22 trays.\r\n\r\nAda",
}
EML = b"From: x@one.example\nTo: a@two.example, B <b@two.example>\nCc: c@two.example\nSubject: x\n\nhi\r\n"


def made(files: dict[str, list[File]] | None = None, /, **more: str) -> Incoming:
    return incoming({**FORM, **more}, files or {}, now=NOW, unique="4711")


def errors(files: dict[str, list[File]] | None = None, /, **more: str) -> dict[str, str]:
    with pytest.raises(InvalidFormError) as caught:
        made(files, **more)
    return caught.value.errors


def file(content: bytes, name: str = "a.pdf", kind: str = "application/pdf") -> File:
    return File(name=name, content_type=kind, content=content)


def test_a_mail_is_composed_with_its_envelope() -> None:
    mail = made()
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    assert {name.lower(): value for name, value in message.items()} == {
        "from": "Ada Lovelace <ada@example.org>",
        "to": "support@inbound.example.com",
        "subject": "Re: Your invoice",
        "date": "Sun, 29 Nov 2026 09:30:00 +0000",
        "message-id": "<4711@example.org>",
        "mime-version": "1.0",
        "content-type": 'text/plain; charset="utf-8"',
        "content-transfer-encoding": "7bit",
    }
    assert message.get_content() == "It should say 22 trays.\r\n\r\nAda\r\n"
    assert (mail.mail_from, mail.rcpt_to) == ("ada@example.org", ("support@inbound.example.com",))
    assert mail.verdicts == {}


def test_an_answer_is_in_its_thread() -> None:
    message = email.message_from_bytes(
        made(in_reply_to="<2@email.amazonses.com>", references="<1@x.example> <2@email.amazonses.com>").raw
    )
    assert message["In-Reply-To"] == "<2@email.amazonses.com>"
    assert message["References"] == "<1@x.example> <2@email.amazonses.com>"


def test_nothing_in_a_form_adds_a_header() -> None:
    raw = made(subject="a\r\nBcc: b@x.example", in_reply_to="<1@x>\r\nX-Evil: 1", references="no id").raw
    message = email.message_from_bytes(raw)
    assert message["Subject"] == "a Bcc: b@x.example"
    assert message["In-Reply-To"] == "<1@x>"
    assert {"X-Evil", "Bcc", "References"}.isdisjoint(message.keys())


def test_it_has_html_files_and_the_headers_of_a_program() -> None:
    files = [file(b"%PDF"), file(b"a: b", "mail.eml", "message/rfc822"), file(b"?", "none", "")]
    mail = made({"attachments": files}, html="<p>22</p>", automatic="yes", **{"from": "Grüße <a@x.example>"})
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    assert message["From"] == "Grüße <a@x.example>"
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-replied", "bulk")
    html = message.get_body(("html",))
    assert html is not None
    assert html.get_content() == "<p>22</p>\r\n"
    assert [(each.get_filename(), each.get_content_type()) for each in message.iter_attachments()] == [
        ("a.pdf", "application/pdf"),
        ("mail.eml", "application/octet-stream"),
        ("none", "application/octet-stream"),
    ]


def test_what_ses_finds_is_sess_own_words() -> None:
    verdicts = made(dmarc="yes", spam="yes", virus="yes").verdicts
    assert verdicts == {
        "spf": "FAIL",
        "dmarc": "FAIL",
        "dmarc_policy": "reject",
        "spam": "FAIL",
        "virus": "FAIL",
    }
    parse_verdicts(verdicts)


@pytest.mark.parametrize(
    ("given", "field", "text"),
    [
        ({"from": ""}, "from", "Write an address"),
        ({"from": "ada"}, "from", "@"),
        ({"from": "a@x.example, b@x.example"}, "from", "one address"),
        ({"to": "  "}, "to", "Write an address"),
        ({"to": "a b@x.example"}, "to", "."),
    ],
)
def test_an_address_that_is_none_is_named_at_its_field(given: dict[str, str], field: str, text: str) -> None:
    found = errors(None, **given)
    assert list(found) == [field]
    assert text in found[field]


def test_all_that_is_wrong_is_named_at_once() -> None:
    assert set(errors(None, **{"from": "", "to": ""})) == {"from", "to"}


def test_a_mail_may_be_as_large_as_ses_receives() -> None:
    assert MAX_MAIL_BYTES == RECEIVED_BYTES
    # base64 with its line ends takes 78 characters for 57 bytes
    fits = bytes(int(MAX_MAIL_BYTES * 57 / 78) - 2000)
    assert len(made({"attachments": [file(fits)]}).raw) <= MAX_MAIL_BYTES
    for content in (fits + bytes(2000), bytes(MAX_MAIL_BYTES)):
        found = errors({"attachments": [file(content)]})
        assert "SES receives 40.0 MB at most" in found["attachments"]


def test_a_file_is_received_as_it_is_for_those_that_it_names() -> None:
    mail = made({"eml": [file(EML)]}, **{"as": "file"})
    assert mail.raw == EML.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert mail.mail_from == "x@one.example"
    assert mail.rcpt_to == ("a@two.example", "b@two.example", "c@two.example")


def test_the_envelope_of_a_file_may_be_another() -> None:
    mail = made(
        {"eml": [file(EML)]},
        **{"as": "file", "envelope_from": "bounces@x.example", "envelope_to": "d@y.example", "dmarc": "yes"},
    )
    assert (mail.mail_from, mail.rcpt_to) == ("bounces@x.example", ("d@y.example",))
    assert mail.verdicts["dmarc"] == "FAIL"


@pytest.mark.parametrize(
    ("content", "given", "field"),
    [
        (None, {}, "eml"),
        (b" \n", {}, "eml"),
        (bytes(MAX_MAIL_BYTES + 1), {}, "eml"),
        (b"Subject: x\n\nhi", {}, "envelope_to"),
        (EML, {"envelope_to": "nobody"}, "envelope_to"),
        (EML, {"envelope_from": "nobody"}, "envelope_from"),
    ],
)
def test_a_file_that_cannot_be_received_is_named(
    content: bytes | None, given: dict[str, str], field: str
) -> None:
    files = {} if content is None else {"eml": [file(content)]}
    assert list(errors(files, **{"as": "file"}, **given)) == [field]


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"From: =?x?\n\n", b"To: ,;<>@\nFrom: a@b\n\n", b"no colon"])
def test_a_malformed_file_is_received_too(raw: bytes) -> None:
    mail = made({"eml": [file(raw)]}, **{"as": "file", "envelope_to": "a@x.example"})
    assert mail.rcpt_to == ("a@x.example",)
