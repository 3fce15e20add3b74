"""The text of a reply without its quote and its signature."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import replies
from inbound.handler import process
from tests.unit.inbound.answers import (
    ADDRESSED,
    FIRST,
    GMAIL,
    HEAD,
    OUTLOOK,
    QUOTE,
    REPLY,
    SHOP,
    TEXTS,
    message,
    stripped,
)
from tests.unit.inbound.world import World, received, record


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
def test_an_answer_above_a_marked_quote_is_the_stripped_text(introduction: str, gap: str) -> None:
    own = "Yes, please — to Köln.\n\nAda"
    assert stripped(f"{own}\n\n{introduction}{gap}{QUOTE}") == own


# Outlook's, with its line, in plain text, in bold, on a telephone; Samsung's; GMX's, in another order
@pytest.mark.parametrize(
    "quote",
    [
        OUTLOOK,
        f"________________________________\n{OUTLOOK}",
        f"-----Original Message-----\n{OUTLOOK}",
        f"*From:* {SHOP}\n*Sent:* Monday, November 2, 2026\n*To:* Ada\n*Subject:* RE: Your order\n\n",
        f"From: {SHOP}\nDate: Monday, 2 November 2026 at 10:00\nTo: Ada\nCc: Bob\nSubject: Your order\n\n",
        f"-------- Original message --------\nFrom: {SHOP} \nDate: today\nTo: Ada \nSubject: Your order \n\n",
        f"Von: {SHOP}\nGesendet: Montag, 2. November 2026 10:00\nAn: Ada\nBetreff: Your order\n\n",
        f"-----Ursprüngliche Nachricht-----\nVon: {SHOP}\nGesendet: heute\nAn: A\nBetreff: Your order\n\n",
        f"Gesendet: 2. November 2026 um 10:00 Uhr\nVon: {SHOP}\nAn: Ada\nBetreff: Your order\n\n",
        f"De : {SHOP}\nEnvoyé : lundi 2 novembre 2026 10:00\nÀ : Ada\nObjet : Your order\n\n",
        f"De: {SHOP}\nEnviado: lunes, 2 de noviembre de 2026 10:00\nPara: Ada\nAsunto: Your order\n\n",
        f"Da: {SHOP}\nInviato: lunedì 2 novembre 2026 10:00\nA: Ada\nOggetto: Your order\n\n",
        f"Van: {SHOP}\nVerzonden: maandag 2 november 2026 10:00\nAan: Ada\nOnderwerp: Your order\n\n",
        f"Fra: {SHOP}\nSendt: 2. november 2026 10:00\nTil: Ada\nEmne: Your order\n\n",
        f"Från: {SHOP}\nSkickat: den 2 november 2026 10:00\nTill: Ada\nÄmne: Your order\n\n",
        f"Od: {SHOP}\nOdesláno: pondělí 2. listopadu 2026 10:00\nKomu: Ada\nPředmět: Your order\n\n",
        f"보낸 사람: {SHOP}\n보낸 날짜: 2026년 11월 2일 월요일 10:00\n받는 사람: Ada\n제목: Your order\n\n",
        f"发件人: {SHOP}\n发送时间: 2026年11月2日 10:00\n收件人: Ada\n主题: Your order\n\n",
    ],
)
def test_an_answer_above_outlooks_headers_is_recognized_by_its_subject_and_thread(quote: str) -> None:
    text = f"Yes, please.\n\n{quote}Shall we send it again?\n"
    assert stripped(text) == "Yes, please."
    assert stripped(text, REPLY.replace("Re:", "AW:")) == "Yes, please."
    assert stripped(text, REPLY.replace("Re:", "Re: AW: Re[2]:")) == "Yes, please."
    assert stripped(text, REPLY.replace("Re:", "[EXT] [Case 7] Re:")) == "Yes, please."
    assert stripped(text, REPLY.replace("Re:", "FW:")) is None
    assert stripped(text, REPLY.replace("Re:", "[EXT] FW:")) is None
    assert stripped(text, REPLY.replace("Your order", "Another order")) is None
    assert stripped(text, FIRST) is None


@pytest.mark.parametrize(
    "quote",
    [
        OUTLOOK.replace("support@", "bob@"),
        OUTLOOK.replace(SHOP, "Shop"),
        OUTLOOK.replace("Sent:", "Gesendet:"),
        OUTLOOK.replace("Subject: Your order\n", ""),
        OUTLOOK.replace("Subject: Your order", "Subject:"),
        OUTLOOK.replace("Subject: Your order", "Subject: Invoice 17"),
        OUTLOOK.replace("Sent:", "the rest of it\nSent:"),
        OUTLOOK.replace("To: Ada", f"From: {SHOP}\nTo: Ada"),
        f"{OUTLOOK}What do I do with that?\n\n{GMAIL}",
    ],
)
def test_headers_that_are_not_those_of_the_answered_mail_are_no_quote(quote: str) -> None:
    assert stripped(f"Yes, please.\n\n{quote}Shall we send it again?\n") is None


def test_headers_of_a_quote_match_to_or_cc_without_label_and_case() -> None:
    text = f"Yes, please.\n\n{OUTLOOK}Shall we send it again?\n"
    labelled = text.replace("support@inbound.example.com", "Support+4711@Inbound.example.com")
    assert stripped(labelled) == "Yes, please."
    copied = text.replace("support@inbound.example.com", "sales@example.com")
    assert stripped(copied) is None
    assert stripped(copied, f"{REPLY}Cc: Bob <bob@example.org>, sales@example.com\n") == "Yes, please."


PASTED = (
    "From: Bob <bob@example.net>\nTo: ada@example.org\nSubject: Invoice\nDate: 17 Nov 2026 10:00:00 +0000\n"
)


@pytest.mark.parametrize(
    "text",
    [
        f"Here are the headers you asked for:\n\n{PASTED}\nIt never arrived. Can you resend it?\n\nAda\n",
        "Back:\n\nFrom: bob@example.org\nTo: sales@example.org\nSubject: Order 17\n\nCall me.\n",
        "Hi,\n\nSubject: the printer\nDate: last Monday\n\nIt is broken, please send somebody.\n\nAda\n",
        "Hi,\nTo: me\nDate: Monday\nIt is broken.\n",
        "Hi,\n\nFrom: 3 May\nTo: 5 May\n\nTwo persons please.\n",
        "Order data:\n\nFrom: Oslo\nTo: Bergen\nDate: 3 May\n\nPlease also add insurance.\n",
        "We travel\n\nVon: Berlin\nAn: Hamburg\nDatum: 3. Mai\n\nBitte mit Fahrrad.\n",
        "Bonjour\n\nDe : Paris\nÀ : Lyon\nObjet : colis\nDate : 3 mai\n\nMerci de répondre.\n",
        "My router says:\nFrom: 10.0.0.1\nTo: 10.0.0.2\nSubject: none\n\nWhat now?\n",
        "I got:\n\nFrom: MAILER-DAEMON@x.org\nTo: ada@example.org\nSubject: failure\n\nWhat do I do?\n",
        "I sent this\n-----Original Message-----\nwhat I meant is the refund\n",
        f"I changed\nFrom: old@example.org\nTo: new@example.org\n\nWill that work?\n\n{OUTLOOK}Please.\n",
    ],
)
@pytest.mark.parametrize("quote", ["", f"\n{GMAIL}"])
def test_text_that_looks_like_headers_is_not_a_quote(text: str, quote: str) -> None:
    assert stripped(f"{text}{quote}") is None


@pytest.mark.parametrize(
    "own",
    [
        "See my answers below.",
        "Please see inline.",
        "My comments are in red.",
        "Hallo,\n\nmeine Antworten stehen unten im Text.",
        "Voir mes réponses ci-dessous.",
        "Mis respuestas, más abajo.",
        "Rispondo sotto.",
        "Zie mijn antwoorden hieronder.",
        "Svar nedenfor.",
        "Se mina svar nedan.",
        "Odpovědi níže.",
        "下記の通りです。",
        "아래에 답을 적었습니다.",
        "请见下面。",
        "請見下面。",
        "Odpowiedzi poniżej.",
        "Respondo abaixo, em azul.",
        "Vastaukset alla.",
        "Svarene er nedenfor.",
        "Ответы ниже.",
    ],
)
def test_a_mail_that_announces_answers_within_the_quote_has_no_stripped_text(own: str) -> None:
    answers = "Can you deliver on Friday?\n[Ada] No. Please cancel the order.\n"
    assert stripped(f"{own}\n\n{OUTLOOK}{answers}") is None
    assert stripped(f"{own}\n\n{GMAIL}> [Ada] No.\n") is None


@pytest.mark.parametrize("own", ["Hej alla,\n\nja tack.", "Sì, alla vostra domanda.", "Al di là."])
def test_words_that_mean_below_in_another_language_announce_nothing(own: str) -> None:
    assert stripped(f"{own}\n\n{GMAIL}") == own


def test_text_between_introduction_and_quote_belongs_to_neither() -> None:
    introduction = "On Mon, 2 Nov 2026 at 10:00, Shop wrote:"
    assert stripped(f"Hello,\n\n{introduction}\nwhich is not true!\n{QUOTE}") is None
    assert stripped(f"Hello,\n\n{introduction}\n{QUOTE}") == "Hello,"


@pytest.mark.parametrize(
    "text",
    [
        f"On Mon, 2 Nov 2026 at 10:00, Shop <shop@example.com> wrote:\n{QUOTE}\nYes, please.\n",
        "On Mon, 2 Nov 2026 at 10:00, Shop wrote:\n> Again?\n\nYes.\n\n> To Köln?\n\nNo.\n",
        "Hello,\n\n> Again?\n\nYes.\n",
        f"Yes.\n\nÎn lun., 2 nov. 2026 la 10:00, Shop <shop@example.com> a scris:\n\n{QUOTE}",
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
def test_an_uncertain_stripped_text_is_null_and_the_text_is_in_the_event(text: str) -> None:
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
def test_a_forwarded_mail_has_no_stripped_text(forwarded: str, header: str) -> None:
    assert stripped(f"FYI\n\n{forwarded}\n", header) is None


@pytest.mark.parametrize("quote", [f"\n{GMAIL}", f"\n{OUTLOOK}Again?\n"])
@pytest.mark.parametrize(
    "text",
    [
        "Dear all,\n\nthe three offers:\n-- \nOffer A: 100 EUR\n-- \nOffer B: 200 EUR, take this one\n",
        "Hi\n-- \nthis is not a signature\nmore\nImportant question: what?\n-- \nAda\n",
        "Works.\n-- \nPS\n\nWhat about the refund?\n",
        "Works.\n-- \n返金はいつですか\N{FULLWIDTH QUESTION MARK}\n",
    ],
)
def test_what_may_not_be_a_signature_is_not_removed(text: str, quote: str) -> None:
    assert stripped(f"{text}{quote}") is None


def test_a_signature_above_the_quote_is_removed_and_one_below_it_is_not_certain() -> None:
    quote = "On 17/11/2026 16:40, Shop Support wrote:\n> Please try again.\n"
    assert stripped(f"Works.\n\n-- \nAda\nExample Ltd\n\n{quote}") == "Works."
    assert stripped(f"Works.\n\n{quote}\n-- \nAda\nExample Ltd\n") is None


def test_html_alone_has_no_text_to_strip() -> None:
    raw = f"{HEAD}{REPLY}Content-Type: text/html\n\n<p>Yes</p><blockquote>Again?</blockquote>"
    world = World(raw.encode())
    process([record(received())], world.wiring)
    assert (world.detail["message"]["text"], world.detail["message"]["stripped_text"]) == (None, None)


def test_a_text_longer_than_a_reply_has_no_stripped_text() -> None:
    text = "x" * (replies.TEXT_BYTES - 10)
    assert stripped(text, FIRST) == text
    assert stripped(f"{text}{'y' * 20}", FIRST) is None


def test_a_text_of_many_lines_is_as_any_other() -> None:
    introduction = "On Mon, 2 Nov 2026 at 10:00, Shop <shop@example.com> wrote:"
    quote, own = "> line\n" * 1000, "line\n" * 1000
    assert stripped(f"{own}\n{introduction}\n{quote}") == own.strip()
    assert stripped(f"Yes.\n\n{introduction}\n{quote}No.\n") is None
    assert stripped(own, FIRST) == own.strip()


def test_long_lines_are_not_cut() -> None:
    own = "a long paragraph, " * 200 + "all of it"
    assert stripped(f"{own}\n\nOn Mon, 2 Nov 2026 at 10:00, Shop wrote:\n\n{QUOTE}") == own


def test_there_is_no_stripped_text_if_the_text_is_in_s3() -> None:
    text = "\x01" * 60_000
    found = message(text, FIRST)
    assert found["text_ref"] is not None
    assert (found["text"], found["stripped_text"]) == (None, None)


@pytest.mark.parametrize("subject", ["re" + " " * 200_000, "re:" * 60_000, "re [1]" * 30_000, " " * 200_000])
def test_a_hostile_subject_takes_less_than_a_second(subject: str) -> None:
    text = f"Yes.\n\n{OUTLOOK}Again?\n".replace("Your order", f"x{subject}").encode()[: replies.TEXT_BYTES]
    start = time.process_time()
    replies.stripped(text, subject=subject, is_threaded=True, addressed=["support@inbound.example.com"])
    assert time.process_time() - start < 1


@given(TEXTS, st.none() | st.sampled_from(["Re: x", "Re: Your order"]), st.booleans())
def test_the_stripped_text_of_an_answer_is_the_beginning_of_the_text_without_quotes(
    text: str,
    subject: str | None,
    is_threaded: bool,  # noqa: FBT001 - hypothesis's
) -> None:
    own = replies.stripped(
        text.encode(), subject=subject, is_threaded=is_threaded or subject is None, addressed=ADDRESSED
    )
    if own is not None:
        assert own
        assert text.strip().startswith(own)
        assert not any(line.startswith(">") for line in own.split("\n"))
