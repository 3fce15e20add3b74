"""`manage.py check`, without AWS."""

from __future__ import annotations

import sys
import types
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import AppConfig
from django.core.mail.backends.base import BaseEmailBackend

from mailbus.django import EmailBackend
from mailbus.django.apps import MailbusConfig
from mailbus.django.checks import check_settings
from tests.unit.mailbus.deployment import in_a_process
from tests.unit.mailbus.django.mail import BACKEND
from tests.unit.mailbus.fake_deployment import QUEUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.checks import CheckMessage

    from tests.unit.mailbus.django.mail import Mail

ARN = "arn:aws:sqs:eu-west-1:210987654321:mailbus-prod-send"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
USABLE: Mapping[str, Any] = MappingProxyType({"QUEUE_URL": QUEUE})


class OwnBackend(EmailBackend):
    """An application's subclass."""


class AnotherBackend(BaseEmailBackend):
    """Somebody else's."""


def found(django: Mail, **settings: Any) -> list[CheckMessage]:
    for name, value in settings.items():
        django.setting(name, value)
    return check_settings(None)


def only(messages: list[CheckMessage]) -> CheckMessage:
    (message,) = messages
    return message


@pytest.mark.parametrize(
    "own",
    [
        USABLE,
        {"STAGE": "prod"},
        {**USABLE, "BULK_QUEUE_URL": f"{QUEUE}-bulk"},
        # read from an environment that has only one of them
        {**USABLE, "STAGE": None, "BULK_QUEUE_URL": "", "SEND_DEFAULTS": None},
    ],
)
def test_settings_that_are_right_have_no_message(django: Mail, own: dict[str, Any]) -> None:
    assert found(django, MAILBUS=own) == []


@pytest.mark.parametrize(
    ("own", "check_id", "text", "hint"),
    [
        ({**USABLE, "BULK_QUEU_URL": QUEUE}, "E002", "['BULK_QUEU_URL'] is unknown.", "BULK_QUEUE_URL"),
        ({**USABLE, "queue_url": QUEUE}, "E002", "['queue_url'] is unknown.", "Did you mean 'QUEUE_URL'?"),
        ({**USABLE, "REGION": "x"}, "E002", "MAILBUS['REGION'] is unknown.", "Valid names: BULK_QUEUE_URL, "),
        ({"STAGE": "prod", "BULK_QUEUE_URL": QUEUE}, "E004", "MAILBUS has both", "Remove the URLs"),
        ({"QUEUE_URL": ARN}, "E003", "MAILBUS['QUEUE_URL']: this is the queue's ARN, not its URL", ""),
        ({"QUEUE_URL": "mailbus-prod-send"}, "E003", "MAILBUS['QUEUE_URL']: this is the queue's name", ""),
        ({"QUEUE_URL": b"https://sqs/x"}, "E003", "must be a string, not bytes", ""),
        ({**USABLE, "BULK_QUEUE_URL": ARN}, "E003", "MAILBUS['BULK_QUEUE_URL']: this is the queue's ARN", ""),
        ({"STAGE": "Prod!"}, "E003", "MAILBUS['STAGE']: stage must be the name of a stage", ""),
        ({"STAGE": "prod", **USABLE}, "E004", "has both a stage and a queue's URL.", "Remove the URLs"),
        ({**USABLE, "SEND_DEFAULTS": {"tag": "a"}}, "E005", "['SEND_DEFAULTS']: 'tag' has no default", ""),
        ({**USABLE, "SEND_DEFAULTS": ["a"]}, "E005", "MAILBUS['SEND_DEFAULTS']: must be a dict", ""),
        ([QUEUE], "E001", "MAILBUS must be a dict, not list.", 'MAILBUS = {"STAGE": "prod"}'),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_an_error_that_says_what_to_write(
    django: Mail, own: Any, check_id: str, text: str, hint: str
) -> None:
    messages = found(django, MAILBUS=own)
    assert messages[0].id == f"mailbus.{check_id}"
    assert messages[0].is_serious()
    assert text in messages[0].msg
    assert hint in (messages[0].hint or "")


def test_all_wrong_settings_are_reported_at_once(django: Mail) -> None:
    own = {"QUEUE_URL": ARN, "BULK_QUEUE_URL": ARN, "QUEUE": QUEUE, "SEND_DEFAULTS": 1}
    assert [message.id for message in found(django, MAILBUS=own)] == [
        "mailbus.E003",
        "mailbus.E003",
        "mailbus.E002",
        "mailbus.E005",
    ]


def test_no_queue_is_a_warning_since_the_environment_may_have_it(
    django: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = only(found(django))
    assert (message.id, message.is_serious()) == ("mailbus.W001", False)
    assert message.msg == "EMAIL_BACKEND has no queue: each mail will fail."
    monkeypatch.setenv("MAILBUS_QUEUE_URL", QUEUE)
    assert found(django) == []


@pytest.mark.parametrize(
    ("variables", "check_id"),
    [
        ({"MAILBUS_QUEUE_URL": ARN}, "mailbus.E003"),
        ({"MAILBUS_STAGE": "Prod!"}, "mailbus.E003"),
        ({"MAILBUS_STAGE": "prod", "MAILBUS_QUEUE_URL": QUEUE}, "mailbus.E004"),
    ],
)
def test_what_the_environment_names_is_checked_too(
    django: Mail, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], check_id: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    message = only(found(django))
    assert message.id == check_id
    assert message.msg.startswith("EMAIL_BACKEND: ")


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, []),
        ({"ADMINS": ["ann@example.net"]}, ["SERVER_EMAIL"]),
        ({"MANAGERS": ["ann@example.net"], "SERVER_EMAIL": "Shop <errors@example.com>"}, []),
        ({"DEFAULT_FROM_EMAIL": "webmaster@localhost"}, ["DEFAULT_FROM_EMAIL"]),
    ],
)
def test_a_default_sender_that_ses_cannot_send_from_is_a_warning(
    django: Mail, settings: dict[str, Any], names: list[str]
) -> None:
    messages = found(django, MAILBUS=USABLE, **settings)
    assert [message.msg.partition(" ")[0] for message in messages] == names
    assert all(message.id == "mailbus.W004" for message in messages)


@pytest.mark.parametrize("path", [SMTP, "anymail.backends.test.EmailBackend"])
def test_settings_without_the_backend_are_a_warning(django: Mail, path: str) -> None:
    message = only(found(django, MAILBUS=USABLE, EMAIL_BACKEND=path))
    assert message.id == "mailbus.W002"
    assert "'mailbus.django.EmailBackend'" in str(message.hint)


@pytest.mark.parametrize("backend", ["console", "dummy", "filebased", "locmem"])
def test_a_backend_for_development_or_tests_is_no_mistake(django: Mail, backend: str) -> None:
    path = f"django.core.mail.backends.{backend}.EmailBackend"
    assert found(django, MAILBUS=USABLE, EMAIL_BACKEND=path) == []


def test_a_backend_of_somebody_else_may_pass_mail_on_to_mailbus(django: Mail) -> None:
    assert found(django, MAILBUS=USABLE, EMAIL_BACKEND=f"{__name__}.AnotherBackend") == []


@pytest.mark.parametrize(
    ("backend", "settings", "place"),
    [
        (
            "djcelery_email.backends.CeleryEmailBackend",
            {"CELERY_EMAIL_BACKEND": BACKEND},
            "CELERY_EMAIL_BACKEND",
        ),
        ("mailer.backend.DbBackend", {"MAILER_EMAIL_BACKEND": BACKEND}, "MAILER_EMAIL_BACKEND"),
        (
            "post_office.EmailBackend",
            {"POST_OFFICE": {"BACKENDS": {"default": SMTP, "shop": BACKEND}}},
            "POST_OFFICE['BACKENDS']['shop']",
        ),
    ],
)
def test_a_backend_that_other_packages_pass_mail_on_to_is_checked(
    django: Mail, monkeypatch: pytest.MonkeyPatch, backend: str, settings: dict[str, Any], place: str
) -> None:
    package = types.ModuleType(backend.rpartition(".")[0])
    setattr(package, backend.rpartition(".")[2], AnotherBackend)
    monkeypatch.setitem(sys.modules, package.__name__, package)
    message = only(found(django, EMAIL_BACKEND=backend, **settings))
    assert (message.id, message.msg) == ("mailbus.W001", f"{place} has no queue: each mail will fail.")
    assert found(django, MAILBUS=USABLE) == []


def test_a_project_without_mailbus_is_left_alone(django: Mail) -> None:
    settings = {"AMAZON_SES_CLIENT_PARAMS": {}, "IDNA_ENCODER": "idna2003"}
    assert found(django, EMAIL_BACKEND=SMTP, ANYMAIL=settings) == []


def test_a_misspelled_backend_is_an_error(django: Mail) -> None:
    messages = found(django, MAILBUS=USABLE, EMAIL_BACKEND="mailbus.django.EmailBackand")
    assert messages[0].id == "mailbus.E007"
    assert messages[0].hint == "Write 'mailbus.django.EmailBackend'."


def test_a_subclass_is_checked_too(django: Mail) -> None:
    assert only(found(django, EMAIL_BACKEND=f"{__name__}.OwnBackend")).id == "mailbus.W001"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"queue_url": QUEUE}, []),
        ({"stage": "prod"}, []),
        ({"queue_url": ARN}, ["E003"]),
        ({"stage": "prod", "lane": "bulk", "fail_silently": True}, []),
        ({"bulk_queue_url": QUEUE, "lane": "bulk"}, []),
        ({"queue_url": QUEUE, "lane": "bulk"}, ["W001"]),
        ({"stage": "prod", "lane": "slow"}, ["E003"]),
        ({"queue_ulr": QUEUE}, ["E002", "W001"]),
        ({"stage": "prod", "queue_url": QUEUE}, ["E004"]),
        ({"queue_url": QUEUE, "send_defaults": {"tag": ["a"]}}, ["E005"]),
    ],
)
def test_each_mailers_options_are_checked(django: Mail, options: dict[str, Any], expected: list[str]) -> None:
    mailers = {
        "default": {"BACKEND": SMTP, "OPTIONS": {"host": "h"}},
        "mailbus": {"BACKEND": "mailbus.django.EmailBackend", "OPTIONS": options},
    }
    messages = found(django, MAILERS=mailers)
    assert [message.id for message in messages] == [f"mailbus.{each}" for each in expected]
    assert all(message.msg.startswith("MAILERS['mailbus']") for message in messages)


@pytest.mark.parametrize("mailers", [{}, [], {"default": None}, {"default": {}}])
def test_mailers_without_mailbus_are_djangos_to_check(django: Mail, mailers: Any) -> None:
    assert found(django, MAILERS=mailers) == []


@pytest.mark.parametrize(
    ("anymail", "expected"),
    [
        ({"SEND_DEFAULTS": {"tags": ["a"]}, "IDNA_ENCODER": "uts46", "WEBHOOK_SECRET": "a:b"}, []),
        ({"AMAZON_SES_CONFIGURATION_SET_NAME": "prod"}, ["W003"]),
        ({"IGNORE_UNSUPPORTED_FEATURES": True, "AMAZON_SES_CLIENT_PARAMS": {"a": 1}}, ["W003"] * 2),
        ({"SEND_DEFAULTS": {"subject": "Hi"}}, ["E005"]),
        ({"IDNA_ENCODER": "idna2003"}, ["E006"]),
    ],
)  # fmt: skip
def test_anymails_settings_are_checked_where_mailbus_has_taken_its_place(
    django: Mail, anymail: dict[str, Any], expected: list[str]
) -> None:
    messages = found(django, MAILBUS=USABLE, ANYMAIL=anymail)
    assert [message.id for message in messages] == [f"mailbus.{each}" for each in expected]
    assert all(message.hint for message in messages if message.id == "mailbus.W003")


def test_anymails_settings_have_a_meaning_beside_a_mailer_of_anymail(django: Mail) -> None:
    mailers = {
        "default": {"BACKEND": "mailbus.django.EmailBackend"},
        "old": {"BACKEND": "anymail.backends.amazon_ses.EmailBackend"},
    }
    anymail = {"AMAZON_SES_CLIENT_PARAMS": {"region_name": "eu-west-1"}}
    assert found(django, MAILBUS=USABLE, MAILERS=mailers, ANYMAIL=anymail) == []


def test_the_app_has_a_label_of_its_own() -> None:
    app = AppConfig.create("mailbus.django")
    assert isinstance(app, MailbusConfig)
    assert (app.name, app.label) == ("mailbus.django", "mailbus")


def test_the_checks_without_aws_do_not_load_its_client() -> None:
    ran = in_a_process("""
import sys
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["mailbus.django"], MAILBUS={"STAGE": "prod"},
    EMAIL_BACKEND="mailbus.django.EmailBackend", DEFAULT_FROM_EMAIL="shop@example.com")
django.setup()
from django.core.management import call_command
call_command("check", fail_level="WARNING")
assert not {"boto3", "botocore"} & set(sys.modules)
""")
    assert ran.returncode == 0, ran.stderr
