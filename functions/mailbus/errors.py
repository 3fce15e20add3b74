"""The error tree; each error says what to fix.

MailbusError
├── ConfigurationError     a deployment's settings are wrong
├── InvalidJob             a send job is invalid (`path` says where)
│   └── UnsupportedFeature the job uses something that this version, or SES, cannot do
├── SendError              AWS refused a call, or did not answer (`retryable` says whether to retry)
├── PublishError           an event was not published, or only in part
├── InvalidEvent           the input of a consumer is not an event of Mailbus
├── InvalidNotification    a message on a queue is not a notification of SNS or SES
│   └── WiringError        it is valid, but from the wrong topic, bucket or action
├── SignatureError         a message over HTTPS is not signed by SNS
└── InboundError           a received mail cannot be read
"""

from __future__ import annotations


class MailbusError(Exception):
    """The base class. Its text says how to fix the error, and never contains content of mails.

    `code` is AWS's error code, one of Mailbus's own (`mailbus.events.ERROR_CODES`), or the name of the class.
    """

    def __init__(self, *texts: str, code: str | None = None) -> None:
        super().__init__(*texts)
        self.code = type(self).__name__ if code is None else code


class ConfigurationError(MailbusError):
    """A setting is missing or wrong; the text names its key."""


class InvalidJob(MailbusError):  # noqa: N818 - the public name
    """A send job that must be changed before it can be sent.

    `path` is the JSON path of the offending field, such as `$.attachments[0].content`.
    """

    def __init__(self, path: str, reason: str, *, code: str | None = None) -> None:
        super().__init__(f"{path}: {reason}", code=code)
        self.path = path
        self.reason = reason


class UnsupportedFeature(InvalidJob):
    """The job uses a feature that is not supported; `feature` names it."""

    def __init__(self, path: str, feature: str, reason: str) -> None:
        super().__init__(path, reason)
        self.feature = feature


class SendError(MailbusError):
    """SES or another AWS service returned an error, or did not respond."""

    def __init__(self, code: str, reason: str, *, retryable: bool) -> None:
        super().__init__(f"{code}: {reason}", code=code)
        self.reason = reason
        self.retryable = retryable


class PublishError(MailbusError):
    """An event was not published, or only in part. `code` is EventBridge's error code, or Mailbus's own."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}", code=code)
        self.reason = reason


class InvalidEvent(MailbusError):  # noqa: N818 - as the other public names
    """The input is not an event that Mailbus published."""


class InvalidNotification(MailbusError):  # noqa: N818 - the public name
    """A queue message is not an SNS notification, or its content is not SES's."""


class WiringError(InvalidNotification):
    """A valid notification from the wrong topic, bucket or action; the text names it."""


class SignatureError(MailbusError):
    """A message that came over HTTPS is not signed by SNS, or its signature cannot be verified."""


class InboundError(MailbusError):
    """A received mail cannot be read; the raw message stays where SES stored it."""
