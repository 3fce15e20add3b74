"""What is an answer, and the text of mails that are none."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import replies
from tests.unit.inbound.answers import ADDRESSED, FIRST, GMAIL, OUTLOOK, TEXTS, stripped


@pytest.mark.parametrize(
    "text",
    [
        "Hello,\n\nmy order has not come. I look forward to it.\n\nThanks,\nAda",
        f"Hello,\n\n{GMAIL.strip()}",
        f"Hello, you wrote:\n{GMAIL}And now?",
        "Hello,\n\n> Again?\n\nYes.",
        "> Again?",
        "It fails like this.\nOn Mon, 2 Nov 2026 at 10:00, Shop wrote:\nit works.",
        "Hello\n--\nmore\n-- \nAda Lovelace\n+44 20 7946 0000",
        "-- \nAda Lovelace",
        "The offers:\n-- \nOffer A: 100 EUR\n-- \nOffer B: 200 EUR, take this one",
        "I sent this\n-----Original Message-----\nwhat I meant is the refund",
        "Hi,\n\nFrom: 3 May\nTo: 5 May\n\nTwo persons please.",
        "Here it is:\n-----BEGIN CERTIFICATE REQUEST-----\nMIIC\n-----END CERTIFICATE REQUEST-----",
        "-----BEGIN PGP MESSAGE-----\n\nhQEM\n=ab12\n-----END PGP MESSAGE-----",
        "First\n\n---\n\nSecond\n\n------------------------------",
        "Sign here:\n________________________________",
        "-----",
    ],
)
def test_a_first_mail_is_its_own_text_whole(text: str) -> None:
    assert stripped(f"{text}\n", FIRST) == text


ARMOR = "-----BEGIN CERTIFICATE REQUEST-----\nMIIC\n-----END CERTIFICATE REQUEST-----"


@pytest.mark.parametrize("quote", [GMAIL, f"{OUTLOOK}Which one?\n"])
@pytest.mark.parametrize(
    "own",
    [
        f"Sign this please:\n{ARMOR}",
        f"{ARMOR}\n\nSee above.",
        "One\n-----\nTwo\n-----",
        "Name:\n____",
        "---",
        "Hello\n--\nmore",
    ],
)
def test_only_the_rule_of_a_quote_is_cut_with_it(own: str, quote: str) -> None:
    assert stripped(f"{own}\n\n{quote}") == own
    assert stripped(f"{own}\n") is None


@pytest.mark.parametrize("rule", ["________________________________", "-----Original Message-----"])
def test_the_rule_of_headers_is_cut_only_directly_above_them(rule: str) -> None:
    assert stripped(f"Yes.\n\n{rule}\n{OUTLOOK}Again?\n") == "Yes."
    assert stripped(f"Yes.\n\n{rule}\n\n{GMAIL}") in {None, f"Yes.\n\n{rule}"}


# the header of a first mail's index, and 5 bytes more of an answer's
INDEX = base64.b64encode(b"\x01" + bytes(21)).decode()
ANSWERS_INDEX = base64.b64encode(b"\x01" + bytes(26)).decode()


@pytest.mark.parametrize(
    ("header", "is_answer"),
    [
        ("Subject: Your order\n", False),
        ("", False),
        ("Subject: Your order\nIn-Reply-To: <2@example.com>\n", True),
        ("Subject: Your order\nReferences: <2@example.com>\n", True),
        (f"Subject: Your order\nThread-Topic: Your order\nThread-Index: {INDEX}\n", False),
        (f"Subject: Your order\nThread-Topic: Your order\nThread-Index: {ANSWERS_INDEX}\n", True),
        (f"Thread-Index: {ANSWERS_INDEX[:20]}\n {ANSWERS_INDEX[20:]}\n", True),
        ("Thread-Index: ä not base64 =\n", False),
        ("Subject: Re: Your order\n", True),
        ("Subject: SV: Your order\n", True),
        ("Subject: Really\n", False),
    ],
)
def test_a_mail_is_an_answer_by_its_headers_or_its_subject(header: str, is_answer: bool) -> None:  # noqa: FBT001 - pytest's
    assert stripped(f"Yes.\n\n{GMAIL}", header) == ("Yes." if is_answer else f"Yes.\n\n{GMAIL}".strip())


def test_headers_above_a_quote_count_if_a_gateway_kept_only_the_thread_index() -> None:
    text = f"Yes.\n\n{OUTLOOK}Again?\n"
    assert stripped(text, f"Subject: RE: Your order\nThread-Index: {ANSWERS_INDEX}\n") == "Yes."
    assert stripped(text, "Subject: RE: Your order\n") is None


@given(TEXTS, st.none() | st.sampled_from(["Fwd: x", "x"]))
def test_the_stripped_text_of_a_first_mail_is_the_text_or_null(text: str, subject: str | None) -> None:
    own = replies.stripped(text.encode(), subject=subject, is_threaded=False, addressed=ADDRESSED)
    assert own in {None, text.strip()}
    if OUTLOOK.strip() not in text:
        assert own == (text.strip() or None)
