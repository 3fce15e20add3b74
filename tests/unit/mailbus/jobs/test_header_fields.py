from __future__ import annotations

import contextlib
import time
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.jobs.header_fields import (
    GROUPS,
    MAILBOXES,
    MESSAGE_IDS,
    SYNTAXES,
    TOKENS,
    URIS,
    foldable_words,
    write_field,
)
from mailbus.jobs.header_text import WORD_LIMIT

PATH = "$.headers.X"


def write(name: str, text: str) -> str:
    return write_field(name, text, PATH)


def reason(name: str, text: str) -> str:
    with pytest.raises(InvalidJob) as refused:
        write(name, text)
    assert refused.value.path == PATH
    return refused.value.reason


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("<https://shop.example/weg?wer=Jürgen>", "<https://shop.example/weg?wer=J%C3%BCrgen>"),
        ("<https://a.example/1>,<mailto:b@example.com>", None),
        ("<https://a.example/1>, <mailto:b@example.com>", None),
        ("<mailto:b@example.com> (by mail), <https://a.example/1> (by web)", None),
        (
            "(Nur für Mitglieder) <mailto:b@example.com>",
            "(Nur =?utf-8?b?ZsO8cg==?= Mitglieder) <mailto:b@example.com>",
        ),
        # as some libraries write it
        (
            "=?utf-8?q?=3Chttps=3A//a=2Eexample/?= =?utf-8?q?abc=3E?=",
            "<https://a.example/abc>",
        ),
        ("NO", None),
        ("NO (posting is not allowed)", None),
        ("", None),
        # brackets and commas that are missing, where only one thing can be meant
        ("https://a.example/1?a=1,2", "<https://a.example/1?a=1,2>"),
        ("mailto:b@example.com , https://a.example/1", "<mailto:b@example.com>, <https://a.example/1>"),
        ("mailto:b@example.com,https://a.example/ü", "<mailto:b@example.com>, <https://a.example/%C3%BC>"),
        ("<https://a.example/1> <mailto:b@example.com>", "<https://a.example/1>, <mailto:b@example.com>"),
        ("<https://a.example/1><mailto:b@example.com>", "<https://a.example/1>, <mailto:b@example.com>"),
    ],
)
@pytest.mark.parametrize("name", URIS.names)
def test_uris_are_in_angle_brackets_and_separated_by_commas(name: str, text: str, sent: str | None) -> None:
    assert write(name, text) == (text if sent is None else sent)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<https://a.example/1>; <mailto:b@example.com>", '";" outside of the angle brackets'),
        ("\ufeff<https://a.example/1>", "U+FEFF"),
        ("Abmelden: <https://a.example/1>", '"A" outside of the angle brackets'),
        ("<https://a.example/1", '"<" outside'),
        ("a.example/unsubscribe", '"a" outside'),
        ("<a.example/unsubscribe>", "such as https://www.example.com/unsubscribe"),
        ("<unsubscribe@a.example>", "such as mailto:name@example.com"),
        ("<https://a.example/" + "x" * 1000 + ">", "has 1020 characters in one piece"),
        ("<https://a.example/" + "ü" * 200 + ">", "has 1220 characters in one piece"),
    ],
)
def test_what_is_no_list_of_uris_is_refused(text: str, why: str) -> None:
    assert why in reason("List-Unsubscribe", text)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("<1@example.com>", None),
        ("<1@example.com>\t<2.x-y=z@mail.example.com>", "<1@example.com> <2.x-y=z@mail.example.com>"),
        ("Your mail of today <1@example.com>", None),
        ("1@example.com", "<1@example.com>"),
        ("1@example.com 2@example.com", "<1@example.com> <2@example.com>"),
        ("", None),
    ],
)
@pytest.mark.parametrize("name", MESSAGE_IDS.names)
def test_message_ids_are_written_as_they_are(name: str, text: str, sent: str | None) -> None:
    assert write(name, text) == (text if sent is None else sent)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("ann@example.com", None),
        (
            "Zoë <zoe@example.com>, bob@bücher.example",
            "=?utf-8?b?Wm/Dqw==?= <zoe@example.com>, bob@xn--bcher-kva.example",
        ),
        ('"Lee, Ann" <ann@example.com>', None),
    ],
)
@pytest.mark.parametrize("name", MAILBOXES.names)
def test_mailboxes_have_their_names_encoded(name: str, text: str, sent: str | None) -> None:
    assert write(name, text) == (text if sent is None else sent)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("<news.example.com>", None),
        ("News of the week <news.example.com>", None),
        ("news.example.com", "<news.example.com>"),
        (
            "Käse, frisch <news.bücher.example>",
            "=?utf-8?b?S8Okc2UsIGZyaXNjaA==?= <news.xn--bcher-kva.example>",
        ),
        ("=?utf-8?q?K=C3=A4se?= <news.example.com>", None),
        ("=?utf-8?q?News_=3Cnews=2Eexample=2Ecom=3E?=", "News <news.example.com>"),
        ('"Käse" <news.example.com>', "=?utf-8?b?S8Okc2U=?= <news.example.com>"),
    ],
)
def test_a_list_id_has_a_name_and_an_id(text: str, sent: str | None) -> None:
    assert write("List-ID", text) == (text if sent is None else sent)


@pytest.mark.parametrize("text", ["News of the week", "News <news.example.com", "<a> <b>", "<>", "News < >"])
def test_a_list_id_without_an_id_is_refused(text: str) -> None:
    assert "List name <list-id.example.com>" in reason("List-Id", text)


def test_the_commas_of_keywords_are_not_encoded() -> None:
    assert write("Keywords", "billing, urgent") == "billing, urgent"
    assert write("Keywords", "Größe, Form, Maß & Zahl") == (
        "=?utf-8?b?R3LDtsOfZQ==?=, Form, =?utf-8?b?TWHDnyAmIFphaGw=?="
    )


@pytest.mark.parametrize("name", TOKENS.names)
def test_a_field_of_tokens_is_written_as_it_is_or_refused(name: str) -> None:
    assert write(name, 'auto-replied;\tkey="a b"; x=List-Unsubscribe=One-Click') == (
        'auto-replied; key="a b"; x=List-Unsubscribe=One-Click'
    )
    assert '"ü" (U+00FC)' in reason(name, "für alle")
    assert write(name, "=?utf-8?q?auto-replied?=") == "auto-replied"


def test_a_comment_among_tokens_is_encoded() -> None:
    assert write("X-Priority", "1 (höchste)") == "1 (=?utf-8?b?aMO2Y2hzdGU=?=)"
    assert write("X-Priority", r"1 \((höchste)") == r"1 \((=?utf-8?b?aMO2Y2hzdGU=?=)"
    assert write("Authentication-Results", "a.example; spf=none ( not known )") == (
        "a.example; spf=none ( not known )"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("In-Reply-To", "<1@bücher.example>"),
        ("References", "<1@example.com>\u00a0<2@example.com>"),
        ("List-Id", "News <n\u200b.example.com>"),
        ("Errors-To", "jörg@example.com"),
        ("Errors-To", "nobody"),
        ("Keywords", "x" * 998),
        ("Auto-Submitted", "x" * 998),
    ],
)
def test_what_has_no_7_bit_form_is_refused(name: str, text: str) -> None:
    assert reason(name, text)


@pytest.mark.parametrize("size", [901, 980, WORD_LIMIT])
@pytest.mark.parametrize("name", ["List-Unsubscribe", "References", "Auto-Submitted", "X-Token"])
def test_a_word_that_fits_into_a_line_is_not_encoded(name: str, size: int) -> None:
    word = "<https://a.example/" + "x" * (size - 20) + ">"
    assert len(word) == size
    assert write(name, word) == word


@pytest.mark.parametrize("name", ["X-Note", "List-Unsubscribe", "References"])
def test_an_encoded_word_hides_no_line_end(name: str) -> None:
    assert "line feed" in reason(name, "=?utf-8?q?a=0AX-Other=3A_b?=")


def test_free_text_that_is_encoded_already_is_not_encoded_twice() -> None:
    assert write("X-Note", "=?iso-8859-1?q?K=E4se?= am =?utf-8?b?TW9udGFn?=") == write(
        "X-Note", "Käse am Montag"
    )


def test_a_word_of_free_text_that_is_longer_than_a_line_is_encoded() -> None:
    word = "x" * (WORD_LIMIT + 1)
    sent = write("X-Token", word)
    assert max(map(len, sent.split(" "))) <= 75
    assert str(make_header(decode_header(sent))) == word


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("List-Help", "<https://a.example/1>,<https://a.example/2,3>", 2),
        ("List-Help", "<https://a.example/1>, <https://a.example/2> (a note)", 4),
        ("References", "<1@example.com><2@example.com> <3@example.com>", 3),
        ("X-Note", "<a>,<b> c", 2),
        ("Auto-Submitted", "a;<b>", 1),
    ],
)
def test_a_field_may_be_folded_where_its_syntax_has_space(name: str, value: str, words: int) -> None:
    pieces = foldable_words(name, value)
    assert "".join(pieces) == value
    assert len(pieces) == words


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60)


@given(st.sampled_from(sorted(SYNTAXES)), TEXT)
def test_any_text_is_written_in_ascii_or_refused(name: str, text: str) -> None:
    try:
        sent = write(name, text.strip(" \t"))
    except InvalidJob:
        return
    assert sent.isascii()
    assert sent.isprintable()
    if SYNTAXES[name] in {URIS, MESSAGE_IDS, TOKENS} and "(" not in text and "=?" not in text:
        assert "=?" not in sent


@given(st.lists(st.from_regex(r"[a-z]{1,8}@[a-zäöü]{1,8}\.example", fullmatch=True), min_size=1, max_size=5))
def test_any_mailboxes_are_read_back(addresses: list[str]) -> None:
    sent = write("Errors-To", ", ".join(addresses))
    assert [address.partition("@")[0] for _, address in getaddresses([sent])] == [
        address.partition("@")[0] for address in addresses
    ]


@pytest.mark.parametrize(
    "name", ["List-Unsubscribe", "References", "List-Id", "Keywords", "Auto-Submitted", "Errors-To"]
)
@pytest.mark.parametrize(
    "unit",
    ["<", "(", '"', '"\\', ",", " ", "<>", "a@b ", "ü,", "<mailto:a>", "a@b,", "=?", "https:", "(\\"],
)
def test_a_long_value_takes_no_long_time(name: str, unit: str) -> None:
    started = time.process_time()
    for end in ("", "\u200b", "x"):
        with contextlib.suppress(InvalidJob):
            write(name, ("x" * len(end) + unit * (32_000 // len(unit)) + end).strip(" \t"))
    assert time.process_time() - started < 2


def test_the_syntaxes_share_no_field() -> None:
    assert len(SYNTAXES) == sum(len(group.names) for group in GROUPS)
