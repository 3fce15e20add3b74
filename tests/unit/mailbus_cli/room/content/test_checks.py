from __future__ import annotations

import pytest

from mailbus_cli.room.content.checks import Check, checks
from mailbus_cli.room.content.mail import read
from tests.unit.mailbus_cli.room.content.mails import HEADER, html_mail, with_picture

ONE_CLICK = (
    b"List-Unsubscribe: <https://x.example/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)


def found(raw: bytes, *, is_bulk: bool = False) -> dict[str, Check]:
    return {check.name: check for check in checks(read(raw), is_bulk=is_bulk)}


def test_a_good_mail_has_nothing_to_object_to() -> None:
    html = (
        '<p id="terms"><a href="https://x.example/">Pay</a><a href="#terms">Terms</a><img src="x" alt=""></p>'
    )
    assert found(html_mail(html, more=ONE_CLICK), is_bulk=True) == {}


@pytest.mark.parametrize(
    ("html", "name", "examples"),
    [
        ('<a href="#">Pay</a>', "nowhere", ("Pay → #",)),
        ('<a href="">Pay</a>', "nowhere", ("Pay → (empty)",)),
        ('<a href="/orders/1"><img alt=""></a>', "nowhere", ("[picture] → /orders/1",)),
        ('<a href="javascript:pay()">Pay</a>', "nowhere", ("Pay → javascript:pay()",)),
        ('<a href="#gone">Down</a>', "nowhere", ("Down → #gone",)),
        ('<img src="https://x.example/a.png">', "no_alt", ("https://x.example/a.png",)),
        ("<p>Hello {{name}}, {{name}} {{ last }}</p>", "placeholder", ("{{name}}", "{{ last }}")),
        ('<a href="http://x.example/">Pay</a>', "http", ("http://x.example/",)),
        ('<img alt="" src="cid:gone">', "no_picture", ("cid:gone",)),
        ("<script>1</script><form></form><form></form>", "active", ("<script>", "<form>")),
        ("<style>" + "a{b:c}" * 3000 + "</style>", "style", ()),
        ("x" * (102 * 1024 + 1), "clipped", ()),
    ],
)
def test_what_is_in_the_html(html: str, name: str, examples: tuple[str, ...]) -> None:
    check = found(html_mail(html))[name]
    assert check.examples == examples
    assert check.advice
    assert check.source.startswith("https://")


def test_the_pixel_that_counts_opens_needs_no_alt() -> None:
    assert found(html_mail('<img src="https://x.example/o.png" width="1" height="1">')) == {}


def test_the_number_of_images_and_the_first_ones_are_named() -> None:
    check = found(html_mail("".join(f"<img src={number}.png>" for number in range(5))))["no_alt"]
    assert (check.title, check.examples) == (
        "5 images without alt",
        ("0.png", "1.png", "2.png", "and 2 more"),
    )


def test_html_alone_has_no_text_part() -> None:
    assert "no_text" in found(with_picture('<img alt="" src="cid:logo">'))


def test_an_attachment_whose_name_hides_its_type() -> None:
    assert found(with_picture("x"))["hidden_type"].examples == ("detailsfdp.exe",)


@pytest.mark.parametrize(("subject", "name"), [("", "no_subject"), ("x" * 79, "long_subject")])
def test_subjects(subject: str, name: str) -> None:
    assert name in found(html_mail("<p>x</p>", subject=subject))


def test_a_mail_without_any_body() -> None:
    assert "empty" in found(HEADER + b"Subject: x\r\nContent-Type: text/plain\r\n\r\n \r\n")


@pytest.mark.parametrize(
    ("more", "name"),
    [
        (b"", "no_unsubscribe"),
        (b"List-Unsubscribe: <mailto:u@x.example>\r\n", "no_one_click"),
        (b"List-Unsubscribe: <https://x.example/u>\r\n", "no_one_click"),
    ],
)
def test_mail_to_many_needs_one_click_to_unsubscribe(more: bytes, name: str) -> None:
    assert name in found(html_mail("x", more=more), is_bulk=True)
    assert name not in found(html_mail("x", more=more))
    assert name in found(html_mail("x", more=more + b"Precedence: bulk\r\n"))


def test_what_is_no_mail_has_no_checks() -> None:
    assert found(b"") == {}
