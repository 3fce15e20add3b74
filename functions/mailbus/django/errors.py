"""Errors of the backend that are Django's too, for code that expects those."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from mailbus.errors import ConfigurationError, InvalidJob, UnsupportedFeature

if TYPE_CHECKING:
    from typing import Final

    from django.core.mail.message import BadHeaderError
else:
    from django.core.mail import message

    # It is ValueError since Django 6.0, which has deprecated it:
    # https://docs.djangoproject.com/en/6.0/releases/6.0/#features-deprecated-in-6-0
    BadHeaderError = getattr(message, "BadHeaderError", ValueError)

# the fields of a job that are written into headers, or into the envelope
_IN_HEADERS: Final = re.compile(
    r"\$\.(?:attachments\[\d+\]\.(?:content_id|content_type|filename|headers)"
    r"|(?:bcc|cc|envelope_sender|from_email|headers|merge_headers|reply_to|subject|tags|to)\b)"
)


class InvalidSettings(ConfigurationError, ImproperlyConfigured):  # noqa: N818 - as other public names
    """A setting of Django is missing or wrong."""


class BadHeader(InvalidJob, BadHeaderError):  # noqa: N818 - as other public names
    """A header of a message cannot be sent, such as one with a line break: a `BadHeaderError` of Django."""


def as_djangos(error: Exception) -> Exception:
    """Return an error as a `BadHeader` if it is about a header, otherwise as it is."""
    if not isinstance(error, InvalidJob) or isinstance(error, BadHeader | UnsupportedFeature):
        return error
    return BadHeader(error.path, error.reason, code=error.code) if _IN_HEADERS.match(error.path) else error
