from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import BadHeaderError, send_mail

from mailbus.django import BadHeader, InvalidSettings
from mailbus.errors import ConfigurationError, InvalidJob
from tests.unit.mailbus.django.mail import Mail, message, with_attributes


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hello\nBcc: everybody@example.net"},
        {"from_email": "shop@example.com\nBcc: everybody@example.net"},
        {"to": ["ann@example.net\r\nBcc: everybody@example.net"]},
        {"cc": ["no address"]},
        {"reply_to": ["<>"]},
        {"headers": {"X-Shop": "north\r\nBcc: everybody@example.net"}},
        {"headers": {"X Shop": "north"}},
        {"attachments": [("a\nb.txt", b"a", "text/plain")]},
    ],
)
def test_a_bad_header_is_djangos_error_too(django: Mail, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadHeaderError) as raised:
        django.connection().send_messages([message(**wrong)])
    assert isinstance(raised.value, BadHeader)
    assert isinstance(raised.value, InvalidJob)
    assert isinstance(raised.value, ValueError)
    assert str(raised.value).startswith(raised.value.path)


def test_a_view_answers_a_bad_header_as_djangos_documentation_shows(django: Mail) -> None:
    try:
        send_mail("a\nb", "Hello.", None, ["ann@example.net"], connection=django.connection())
    except BadHeaderError:
        answer = "Invalid header found."
    assert answer == "Invalid header found."


@pytest.mark.parametrize(
    "wrong",
    [
        with_attributes(message(), send_at="tomorrow"),
        with_attributes(message(), metadata={"order": {"nested": 1}}),
        message(attachments=[("a", 17, None)]),
    ],
)
def test_what_is_no_header_is_no_bad_header(django: Mail, wrong: Any) -> None:
    assert not isinstance(django.refusal(wrong), ValueError)


def test_a_wrong_setting_is_djangos_error_too() -> None:
    assert issubclass(InvalidSettings, ConfigurationError)
    assert issubclass(InvalidSettings, ImproperlyConfigured)
