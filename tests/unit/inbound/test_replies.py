"""What a support desk is told: who is a machine, which label a mail came to, what of it is no quote."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import replies
from inbound.handler import process
from mailbus.bus import ENTRY_BYTES
from tests.unit.inbound.arrivals import Room, received, record

HEAD = "From: Ada <ada@example.org>\nTo: support@inbound.example.com\nMessage-ID: <3@example.org>\n"
REPLY = "Subject: Re: Your order\nIn-Reply-To: <2@example.com>\nReferences: <1@example.com> <2@example.com>\n"
FIRST = "Subject: My order\n"
QUOTE = "> Shall we send it again?\n>\n> Your shop\n"
OUTLOOK = (
    "From: Shop <shop@example.com>\nSent: Monday, November 2, 2026 10:00 AM\nTo: Ada\nSubject: Your order\n\n"
)


def message(text: str, header: str = REPLY) -> dict[str, Any]:
    """The event's message of a mail with this text."""
    raw = f"{HEAD}{header}Content-Type: text/plain; charset=utf-8\n\n{text}"
    room = Room(raw.encode())
    assert process([record(received())], room.wiring) == ()
    found: dict[str, Any] = room.detail["message"]
    return found


def stripped(text: str, header: str = REPLY) -> str | None:
    own: str | None = message(text, header)["stripped_text"]
    return own


# --- text without the quote


@pytest.mark.parametrize(
    "introduction",
    [
        "On Mon, 2 Nov 2026 at 10:00, Shop <shop@example.com> wrote:",
        "On Mon, Nov 2, 2026 at 10:00 AM The Shop Of A Very Long Name <\nshop@example.com> wrote:",
        "On 02/11/2026 10:00, Shop wrote:",
        "> On 2 Nov 2026, at 10:00, Shop <shop@example.com> wrote:\n>",
        "Am Mo., 2. Nov. 2026 um 10:00 Uhr schrieb Shop <shop@example.com>:",
        "Am 02.11.26 um 10:00 schrieb Shop:",
        "Le lun. 2 nov. 2026 à 10:00, Shop <shop@example.com> a écrit :",
        "Il giorno lun 2 nov 2026 alle ore 10:00 Shop <shop@example.com> ha scritto:",
        "2026年11月2日(月) 10:00 Shop <shop@example.com>:",
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_an_answer_above_a_marked_quote_is_what_somebody_wrote(introduction: str, gap: str) -> None:
    own = "Yes, please — to Köln.\n\nAda"
    assert stripped(f"{own}\n\n{introduction}{gap}{QUOTE}") == own


@pytest.mark.parametrize(
    "quote",
    [
        OUTLOOK,
        f"________________________________\n{OUTLOOK}",
        f"-----Original Message-----\n{OUTLOOK}",
        "Von: Shop <shop@example.com>\nGesendet: Montag, 2. November 2026 10:00\nAn: Ada\nBetreff: x\n\n",
        "-----Ursprüngliche Nachricht-----\nVon: Shop <shop@example.com>\nGesendet: gestern\nAn: Ada\n\n",
    ],
)
def test_an_answer_above_outlooks_headers_is_told_by_its_subject_and_thread(quote: str) -> None:
    text = f"Yes, please.\n\n{quote}Shall we send it again?\n"
    assert stripped(text) == "Yes, please."
    assert stripped(text, REPLY.replace("Re:", "AW:")) == "Yes, please."
    assert stripped(text, REPLY.replace("Re:", "FW:")) is None
    assert stripped(text, FIRST) is None


@pytest.mark.parametrize(
    "text",
    [
        f"On Mon, 2 Nov 2026 at 10:00, Shop <shop@example.com> wrote:\n{QUOTE}\nYes, please.\n",
        "On Mon, 2 Nov 2026 at 10:00, Shop wrote:\n> Again?\n\nYes.\n\n> To Köln?\n\nNo.\n",
        "Hello,\n\n> Again?\n\nYes.\n",
        f"Yes.\n\nEl lun, 2 nov 2026 a las 10:00, Shop (<shop@example.com>) escribió:\n\n{QUOTE}",
        "Yes.\n\nOn Mon, 2 Nov 2026 at 10:00, Shop <shop@example.com> wrote:\n\nShall we send it again?\n",
        f"Yes.\n\nOn Mon, 2 Nov 2026 at 10:00, Shop wrote:\n\n{QUOTE}\n-- \nchecked by a scanner\n",
        f"On Mon, 2 Nov 2026 at 10:00, Shop <shop@example.com> wrote:\n{QUOTE}",
        f"> I said this.\n\nOn Mon, 2 Nov 2026 at 10:00, Shop wrote:\n\n{QUOTE}",
        "It fails like this.\nOn Monday I wrote:\nit works.\n",
        "An answer without any quote.\n",
        "",
        "\n \n",
    ],
)
def test_what_cannot_be_told_for_sure_is_null_and_the_text_is_there(text: str) -> None:
    found = message(text)
    assert found["stripped_text"] is None
    assert found["text"] == text


@pytest.mark.parametrize("header", [FIRST, REPLY, REPLY.replace("Re:", "Fwd:")])
@pytest.mark.parametrize(
    "forwarded",
    [
        "---------- Forwarded message -----\nFrom: Bob <bob@x.org>\nDate: 2 Nov 2026\nSubject: x\n\nbody",
        "---------- Forwarded message -----\nVon: Bob <bob@x.org>\nDate: 2. Nov. 2026\nSubject: x\n\nb",
        "Begin forwarded message:\n\n> From: Bob <bob@x.org>\n> Date: 2 Nov 2026\n>\n> body",
    ],
)
def test_a_forwarded_mail_keeps_what_it_passes_on(forwarded: str, header: str) -> None:
    assert stripped(f"FYI\n\n{forwarded}\n", header) is None


def test_a_first_mail_is_its_own_text_and_looking_forward_forwards_nothing() -> None:
    text = "Hello,\n\nmy order has not come. I look forward to it.\n\nThanks,\nAda"
    assert stripped(f"{text}\n", FIRST) == text


def test_the_signature_goes_and_a_line_of_dashes_stays() -> None:
    assert stripped("Hello\n--\nmore\n-- \nAda Lovelace\n+44 20 7946 0000\n", FIRST) == "Hello\n--\nmore"
    assert stripped("-- \nAda Lovelace\n", FIRST) is None


def test_html_alone_has_no_text_to_strip() -> None:
    raw = f"{HEAD}{REPLY}Content-Type: text/html\n\n<p>Yes</p><blockquote>Again?</blockquote>"
    room = Room(raw.encode())
    process([record(received())], room.wiring)
    assert (room.detail["message"]["text"], room.detail["message"]["stripped_text"]) == (None, None)


def test_a_text_longer_than_any_reply_is_not_looked_at() -> None:
    text = "x" * (replies.TEXT_BYTES - 10)
    assert stripped(text, FIRST) == text
    assert stripped(f"{text}{'y' * 20}", FIRST) is None


def test_a_quote_of_many_lines_is_still_one_and_a_long_first_mail_without_it_is_not_sure() -> None:
    introduction = "On Mon, 2 Nov 2026 at 10:00, Shop <shop@example.com> wrote:"
    long = "> line\n" * (2 * replies.LINES)
    assert stripped(f"Yes.\n\n{introduction}\n{long}") == "Yes."
    assert stripped(f"Yes.\n\n{introduction}\n{long}No.\n") is None
    assert stripped("line\n" * (2 * replies.LINES), FIRST) is None


def test_long_lines_stay_whole() -> None:
    own = "a long paragraph, " * 200 + "all of it"
    assert stripped(f"{own}\n\nOn Mon, 2 Nov 2026 at 10:00, Shop wrote:\n\n{QUOTE}") == own


def test_where_the_text_lies_in_s3_there_is_none_in_the_event_either() -> None:
    text = "\x01" * 60_000
    found = message(text, FIRST)
    assert found["text_ref"] is not None
    assert (found["text"], found["stripped_text"]) == (None, None)


SLOW = [
    *("On ", "On a wrote: ", "Am 1 schrieb ", "Am schrieb : ", "Den skrev : ", "Il x ha scritto "),
    *("Le a écrit a ", "From: ", "From: a\n", "From:\n\n", "> ", "* ", ">", "\n", " \n", "_", "-"),
    *("2026年1月2日(月) 10:00 <a> ", "--forward"),
]


@pytest.mark.parametrize("piece", SLOW)
@pytest.mark.parametrize("width", [None, 150])
def test_text_that_is_made_to_be_slow_takes_no_second(piece: str, width: int | None) -> None:
    line = piece * (replies.TEXT_BYTES // len(piece) if width is None else width // len(piece))
    text = (line if width is None else f"{line}\n" * 1000).encode()[: replies.TEXT_BYTES]
    start = time.process_time()
    replies.stripped(text, subject="Re: x", is_threaded=True)
    assert time.process_time() - start < 1


PIECES = st.sampled_from(
    [
        "\n",
        "\n\n",
        "> ",
        ">",
        "-- \n",
        "Yes.",
        "wrote:",
        "On Mon, 2 Nov 2026, Shop wrote:\n",
        "From: a\n",
        "Sent: b\n",
    ]
)


@given(
    st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join),
    st.none() | st.sampled_from(["Re: x", "Fwd: x", "x"]),
    st.booleans(),
)
def test_what_is_left_stands_at_the_texts_beginning_and_quotes_nothing(
    text: str,
    subject: str | None,
    is_threaded: bool,  # noqa: FBT001 - hypothesis's
) -> None:
    text = text.encode("utf-8", "replace").decode()
    own = replies.stripped(text.encode(), subject=subject, is_threaded=is_threaded)
    if own is not None:
        assert own
        assert text.strip().startswith(own)
        assert not any(line.startswith(">") for line in own.split("\n"))


# --- machines


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (failure)",
        "auto-submitted: AUTO-NOTIFIED; owner-email=a@example.org",
        "Precedence: bulk",
        "Precedence:  Junk",
        "Precedence: list",
        "Precedence: auto_reply",
        "List-Id: News <news.example.org>",
        "List-Unsubscribe: <https://example.org/u>",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "X-Autoreply: yes",
        "X-Autorespond: out of office",
        "Return-Path: <>",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
        "Subject: x\nAuto-Submitted: no\nAuto-Submitted: auto-replied",
    ],
)
def test_any_sign_of_a_machine_makes_a_mail_automatic(header: str) -> None:
    assert _automatic(header) is True


@pytest.mark.parametrize(
    "header",
    [
        "Subject: x",
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "Auto-Submitted: no; by=hand",
        "Auto-Submitted:",
        "Precedence: first-class",
        "Precedence: normal",
        "X-Auto-Response-Suppress: DR, RN, NRN",
        "X-Auto-Response-Suppress: None",
        "X-Autoreply: no",
        "List-Id:",
        "Return-Path: <ada@example.org>",
        "X-List-Id: <news.example.org>",
        "Subject: Auto-Submitted: auto-replied",
    ],
)
def test_a_persons_mail_is_not_automatic_whatever_its_mailer_adds(header: str) -> None:
    assert _automatic(header) is False


def _automatic(header: str) -> bool:
    room = Room(f"From: ada@example.org\n{header}\n\nHello\n".encode())
    process([record(received())], room.wiring)
    automatic: bool = room.detail["message"]["automatic"]
    return automatic


@pytest.mark.parametrize(
    "sender", ["", "<>", "< >", "MAILER-DAEMON", "mailer-daemon@mx.example.org", "<MAILER-DAEMON@x>"]
)
def test_nobody_wants_an_answer_to_the_empty_return_path(sender: str) -> None:
    assert replies.is_from_nobody(sender)


@pytest.mark.parametrize(
    "sender", [None, "ada@example.org", "mailer-daemons@example.org", "a@mailer-daemon.example"]
)
def test_other_senders_are_somebody(sender: str | None) -> None:
    assert not replies.is_from_nobody(sender)


def test_the_keyword_stays_beside_the_verdict_on_it() -> None:
    found = message("away", "Auto-Submitted: auto-replied (vacation)\nSubject: x\n")
    assert found["automatic"] is True
    assert found["auto_submitted"] == "auto-replied"


# --- labels


def test_the_label_behind_plus_is_told_of_each_address_that_has_one() -> None:
    recipients = (
        "support+4711@inbound.example.com",
        "sales@inbound.example.com",
        "a+b+c@inbound.example.com",
    )
    assert replies.recipient_details(recipients) == {recipients[0]: "4711", recipients[2]: "b+c"}


@pytest.mark.parametrize(
    ("address", "details"),
    [
        ("support+@inbound.example.com", {"support+@inbound.example.com": ""}),
        ('"a+b c"@inbound.example.com', {'"a+b c"@inbound.example.com': "b c"}),
        ("support@plus+domain.example", {}),
        ("no-address+4711", {}),
        ("", {}),
    ],
)
def test_odd_addresses_have_the_label_that_stands_in_their_local_part(
    address: str, details: dict[str, str]
) -> None:
    assert replies.recipient_details([address]) == details


def test_the_event_has_the_labels_of_the_envelope_and_not_of_the_header() -> None:
    room = Room(b"To: support+4712@inbound.example.com\n\nHello\n")
    told = received(receipt__recipients=["support+4711@inbound.example.com"])
    assert process([record(told)], room.wiring) == ()
    assert room.detail["message"]["recipient_details"] == {"support+4711@inbound.example.com": "4711"}


def test_bounces_are_automatic_by_the_envelope_alone() -> None:
    room = Room(b"From: ada@example.org\n\nHello\n")
    assert process([record(received(mail__source="<>"))], room.wiring) == ()
    assert room.detail["message"]["automatic"] is True


def test_more_labels_than_an_event_can_hold_are_cut_with_their_addresses() -> None:
    recipients = [f"support+{n:060}@inbound.example.com" for n in range(3000)]
    room = Room(b"From: ada@example.org\n\n" + b"\x01" * 60_000)
    assert process([record(received(receipt__recipients=recipients))], room.wiring) == ()
    found = room.detail["message"]
    assert "addresses_cut" in found["defects"]
    assert 50 < len(found["recipient_details"]) < len(found["envelope_recipients"]) < 3000
    assert found["recipient_details"][recipients[0]] == f"{0:060}"
    assert len(room.events.taken[0]["Detail"].encode()) < ENTRY_BYTES
