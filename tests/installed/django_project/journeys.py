"""Sends mail by everything of Django that sends some. Arguments: the journeys to take, by name."""

from __future__ import annotations

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage as MimeMessage
from email.mime.image import MIMEImage
from typing import TYPE_CHECKING, Any

import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "project_settings"
    django.setup()

from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.management import call_command
from django.test import Client

if TYPE_CHECKING:
    from collections.abc import Callable

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050"
    "001a5f645400000000049454e44ae426082"
)
THREADS = 8


def address(journey: str) -> str:
    """Return the recipient of a journey, at SES's mailbox simulator."""
    return f"success+{journey}@simulator.amazonses.com"


def check() -> None:
    """Run the checks, those with AWS too."""
    call_command("check", tags=["mailbus"], fail_level="WARNING")
    call_command("check", tags=["mailbus"], fail_level="WARNING", deploy=True)


def sendtestemail() -> None:
    """Run `manage.py sendtestemail`."""
    call_command("sendtestemail", address("sendtestemail"), "--managers", "--admins")


def mail_admins() -> None:
    """Call `mail_admins`."""
    mail.mail_admins("Stock is low", "Order more.", html_message="<p>Order more.</p>")


def logging() -> None:
    """Request a page that fails: `AdminEmailHandler` mails its log to the admins."""
    assert Client(raise_request_exception=False).get("/fail/").status_code == 500


def password_reset() -> None:
    """Ask for a new password, as a user does."""
    # a model can be imported when the project is set up
    from django.contrib.auth.models import User  # noqa: PLC0415

    User.objects.create_user("ann", address("password_reset"), "old password")
    answer = Client().post("/accounts/password_reset/", {"email": address("password_reset")})
    assert answer.status_code == 302


def allauth() -> None:
    """Sign up with allauth, which confirms the address."""
    fields = {"email": address("allauth"), "password1": "a long phrase", "password2": "a long phrase"}
    answer = Client().post("/allauth/signup/", fields)
    assert answer.status_code == 302, answer.content.decode()


def attachments() -> None:
    """Send a file, an inline image that a MIME part has, and two mails as attachments."""
    message = EmailMultiAlternatives("Files", "See the files.", to=[address("attachments")])
    message.attach_alternative('<img src="cid:logo">', "text/html")
    message.attach("items.csv", "item;price\r\n", "text/csv")
    image = MIMEImage(PNG, "png")
    image.add_header("Content-ID", "<logo>")
    image.add_header("X-Attachment-Id", "logo")
    image.add_header("Content-Disposition", "inline", filename="logo.png")
    with warnings.catch_warnings():
        # Django 6.0 has deprecated such parts, and still takes them
        warnings.simplefilter("ignore")
        message.attach(image)
    enclosed = MimeMessage()
    enclosed["Subject"] = "What was received"
    enclosed.set_content("Hello.")
    message.attach("received.eml", enclosed.as_bytes(), "message/rfc822")
    written = EmailMessage("What was written", "Hello.", to=["eve@example.net"])
    message.attach("written.eml", written, "message/rfc822")
    assert message.send() == 1


def fork() -> None:
    """Send before and after a fork, in parent and child."""
    EmailMessage("Before", "Hello.", to=[address("fork")]).send()
    child = os.fork()
    if child == 0:
        EmailMessage("Child", "Hello.", to=[address("fork")]).send()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    EmailMessage("Parent", "Hello.", to=[address("fork")]).send()


def threads() -> None:
    """Send from several threads."""

    def send(number: int) -> int:
        return EmailMessage(f"Thread {number}", "Hello.", to=[address("threads")]).send() or 0

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(send, range(2 * THREADS))) == 2 * THREADS


def anymail() -> None:
    """Send Anymail's message, with its attributes and a receiver of its signal."""
    from anymail.message import AnymailMessage  # type: ignore[import-untyped] # noqa: PLC0415 - may be missing
    from anymail.signals import post_send  # type: ignore[import-untyped] # noqa: PLC0415 - may be missing

    seen = []

    def receive(status: object, esp_name: str, **_arguments: object) -> None:
        seen.append((status, esp_name))

    post_send.connect(receive)
    message = AnymailMessage("News", "Hello.", to=[address("anymail")], tags=["news"], metadata={"issue": 12})
    assert message.send() == 1
    assert seen == [(message.anymail_status, "Amazon SES")]


def using() -> None:
    """Send with a mailer that has options of its own (Django 6.1)."""
    if settings.HAS_MAILERS:
        # the types are those of Django 5.2
        options: dict[str, Any] = {"using": "tagged"}
        EmailMessage("Tagged", "Hello.", to=[address("using")]).send(**options)


def main(names: list[str]) -> None:
    """Take journeys."""
    call_command("migrate", verbosity=0)
    for name in names:
        journey: Callable[[], None] = globals()[name]
        journey()


if __name__ == "__main__":
    main(sys.argv[1:])
