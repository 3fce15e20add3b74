"""Addresses of Django's messages are read, and refused, as those of jobs."""

from __future__ import annotations

import pytest

from mailbus.errors import ConfigurationError
from tests.unit.mailbus.django.mail import Mail, message


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("Team: Billing <team@example.com>", 'has ":" in a name that needs quotes'),
        ("mailto:ann@example.com", 'has the prefix "mailto:" before the address; take it off'),
        ("Ann <ann@example.com>;", 'ends with ";"; remove it'),
        ("ann@example.com; bob@example.com", 'has ";" between addresses'),
        ("ann..lee@example.com", "write that part in quotes"),
        ("\ufeffann@example.com", "has the invisible character U+FEFF"),
        ("ann@example.com\u200b", "has the invisible character U+200B"),
        ("ann@exam_ple.com", 'domain label with "_"'),
        (" ", "is empty; remove it"),
        (" , ", "is empty; remove it"),
    ],
)
@pytest.mark.parametrize("field", ["to", "cc", "bcc", "reply_to"])
def test_an_invalid_address_is_refused_by_its_place_as_in_a_job(
    django: Mail, field: str, entry: str, reason: str
) -> None:
    error = django.refusal(message(**{field: ["ann@example.net", entry]}))
    assert error.path == f"$.{field}[1]"
    assert reason in error.reason


def test_all_wrong_addresses_are_in_one_error(django: Mail) -> None:
    error = django.refusal(message(to=["one@@example.net", "ann@example.net", "two"], cc=["a@b@c"]))
    assert error.path == "$.to[0]"
    assert error.reason.startswith('has "@@"; remove one @; $.to[2]: has no @')
    assert "; $.cc[0]: has more than one @" in error.reason


def test_empty_strings_among_recipients_are_left_out_as_django_does(django: Mail) -> None:
    # https://github.com/django/django/blob/5.2/tests/mail/tests.py, test_recipients_with_empty_strings
    job = django.send(message(to=["", "ann@example.net"], cc=["", "bob@example.net"]))
    assert (job["to"], job["cc"]) == (["ann@example.net"], ["bob@example.net"])


def test_comments_and_international_domains_are_read(django: Mail) -> None:
    job = django.send(
        message(
            from_email="Shop (no reply) <shop@example.com>",
            to=["ann@example.net (Ann Lee)", "x@STRAẞE.example"],
        )
    )
    assert job["from_email"] == ['"Shop" <shop@example.com>']
    assert job["to"] == ['"Ann Lee" <ann@example.net>', "x@xn--strae-oqa.example"]


@pytest.mark.parametrize("encoder", ["idna2008", "uts46"])
def test_anymails_encoder_of_domains_may_be_the_same(django: Mail, encoder: str) -> None:
    django.setting("ANYMAIL", {"IDNA_ENCODER": encoder})
    assert django.send(message(to=["x@bücher.example"]))["to"] == ["x@xn--bcher-kva.example"]


@pytest.mark.parametrize("encoder", ["idna2003", "none", "project.domains.encode", str.lower])
def test_another_encoder_of_domains_is_refused_by_its_name(django: Mail, encoder: object) -> None:
    django.setting("ANYMAIL", {"IDNA_ENCODER": encoder})
    with pytest.raises(ConfigurationError, match=r"^ANYMAIL\['IDNA_ENCODER'\]: must be "):
        django.connection()
    django.setting("ANYMAIL", {})
    django.setting("ANYMAIL_IDNA_ENCODER", encoder)
    with pytest.raises(ConfigurationError, match=r"^ANYMAIL_IDNA_ENCODER: "):
        django.connection()
