from __future__ import annotations

from typing import Any

import pytest

from mailbus.errors import ConfigurationError
from tests.unit.mailbus.django.mail import Mail, message, with_attributes
from tests.unit.mailbus.fake_deployment import QUEUE


def test_send_defaults_are_combined_with_the_messages_own(django: Mail) -> None:
    django.setting("ANYMAIL", {"SEND_DEFAULTS": {"tags": ["general"], "track_opens": True}})
    django.setting(
        "MAILBUS",
        {
            "SEND_DEFAULTS": {
                "tags": ["shop"],
                "metadata": {"stage": "prod", "order": 0},
                "esp_extra": {"ListManagementOptions": {"ContactListName": "news", "TopicName": "all"}},
                "merge_metadata": {"juergen@example.net": {"a": 1, "b": 1}},
                "bcc": ["archive@example.org"],
                "extra_headers": {"X-Shop": "north"},
            }
        },
    )
    own = with_attributes(message(bcc=["ann@example.net"]), tags=["receipt"], metadata={"order": 1001})

    job = django.send(with_attributes(own, merge_metadata=None, esp_extra={"TenantName": "shop"}))

    assert job["tags"] == ["shop", "receipt"]
    assert job["metadata"] == {"stage": "prod", "order": 1001}
    assert job["esp_extra"] == {
        "ListManagementOptions": {"ContactListName": "news", "TopicName": "all"},
        "TenantName": "shop",
    }
    assert job["bcc"] == ["archive@example.org", "ann@example.net"]
    assert (job["headers"], job["track_opens"]) == ({"X-Shop": "north"}, True)
    assert "merge_metadata" not in job


def test_merge_data_is_combined_recipient_by_recipient(django: Mail) -> None:
    defaults = {"merge_data": {"juergen@example.net": {"name": "Jürgen", "city": "Bonn"}}}
    own = with_attributes(message(), merge_data={"juergen@example.net": {"name": "Herr Müller"}})

    job = django.send(own, send_defaults=defaults)

    assert job["merge_data"] == {"juergen@example.net": {"name": "Herr Müller", "city": "Bonn"}}


def test_combining_changes_neither_the_settings_nor_the_message(django: Mail) -> None:
    defaults: dict[str, Any] = {"esp_extra": {"ListManagementOptions": {"TopicName": "all"}}, "tags": ["a"]}
    django.setting("MAILBUS", {"SEND_DEFAULTS": defaults})
    own = with_attributes(
        message(), esp_extra={"ListManagementOptions": {"ContactListName": "x"}}, tags=["b"]
    )

    job = django.send(own)

    assert job["esp_extra"] == {"ListManagementOptions": {"ContactListName": "x", "TopicName": "all"}}
    assert defaults == {"esp_extra": {"ListManagementOptions": {"TopicName": "all"}}, "tags": ["a"]}
    assert own.tags == ["b"]  # type: ignore[attr-defined] # Anymail's attribute


@pytest.mark.parametrize(
    "settings",
    [
        {"ANYMAIL": {"AMAZON_SES_SEND_DEFAULTS": {"tags": ["ses"]}, "SEND_DEFAULTS": {"tags": ["all"]}}},
        {"ANYMAIL_AMAZON_SES_SEND_DEFAULTS": {"tags": ["ses"]}},
        {"ANYMAIL_SEND_DEFAULTS": {"tags": ["ses"]}},
        {"ANYMAIL_SEND_DEFAULTS": {"tags": ["all"]}, "MAILBUS": {"SEND_DEFAULTS": {"tags": ["ses"]}}},
    ],
)
def test_anymails_settings_hold_here_too(django: Mail, settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        django.setting(name, value)
    assert django.send(message())["tags"] == ["ses"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"MAILBUS": {"QUEUE": QUEUE}}, r"MAILBUS\['QUEUE'\]"),
        ({"MAILBUS": {"SEND_DEFAULTS": {"tag": ["a"]}}}, r"MAILBUS\['SEND_DEFAULTS'\]: 'tag'"),
        ({"MAILBUS": {"SEND_DEFAULTS": ["tags"]}}, "must be a dict"),
        ({"ANYMAIL_SEND_DEFAULTS": {"subject": "Hi"}}, "ANYMAIL_SEND_DEFAULTS: 'subject'"),
    ],
)
def test_a_wrong_setting_is_named(django: Mail, settings: dict[str, Any], named: str) -> None:
    for name, value in settings.items():
        django.setting(name, value)
    with pytest.raises(ConfigurationError, match=named):
        django.connection()
