"""Sending one mail by one call, as applications do without Mailbus: the baselines of the sender."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import boto3
from anymail.backends.amazon_ses import EmailBackend  # type: ignore[import-untyped] # it has no types
from django.core.mail import EmailMultiAlternatives

from bench.support import anymail_settings
from bench.support.jobs import HTML, RECIPIENT, SENDER, SUBJECT, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOTO3: Final = "boto3's send_email, one after the other"
ANYMAIL: Final = "django-anymail's backend, one after the other"
OPTIONS: Final[dict[str, Any]] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


@contextlib.contextmanager
def by_boto3(url: str) -> Iterator[Callable[[], None]]:
    """Yield what sends a mail to an SES by boto3's client."""
    ses = boto3.client("sesv2", endpoint_url=url, **OPTIONS)

    def send() -> None:
        ses.send_email(
            FromEmailAddress=SENDER,
            Destination={"ToAddresses": [RECIPIENT]},
            Content={
                "Simple": {
                    "Subject": {"Data": SUBJECT},
                    "Body": {"Text": {"Data": TEXT}, "Html": {"Data": HTML}},
                }
            },
        )

    with contextlib.closing(ses):
        yield send


@contextlib.contextmanager
def by_anymail(url: str) -> Iterator[Callable[[], None]]:
    """Yield what composes and sends a mail by django-anymail's backend, with a client that is open."""
    anymail_settings.configure()
    backend = EmailBackend(client_params={**OPTIONS, "endpoint_url": url})

    def send() -> None:
        mail = EmailMultiAlternatives(SUBJECT, TEXT, SENDER, [RECIPIENT])
        mail.attach_alternative(HTML, "text/html")
        assert backend.send_messages([mail]) == 1  # noqa: S101 - what failed was not measured

    backend.open()
    with contextlib.closing(backend):
        yield send


#: By the name of the baseline.
WAYS: Final = {BOTO3: by_boto3, ANYMAIL: by_anymail}
