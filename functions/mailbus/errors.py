"""Everything that can go wrong, each error saying what to fix.

MailbusError
├── ConfigurationError     a deployment's settings are wrong
├── InvalidJob             a send job cannot be sent as it is (`path` says where)
│   └── UnsupportedFeature the job asks for what this version, or SES, cannot do
├── SendError              SES refused, or could not be reached (`retryable` says whether to try again)
├── PublishError           an event did not get onto the bus whole
├── InvalidEvent           what a consumer was given is not an event of Mailbus
├── InvalidNotification    a message on a queue is not what SNS or SES sends
│   └── WiringError        it is, but it arrived at the wrong place
├── SignatureError         a message over HTTPS is not signed by SNS
└── InboundError           a received mail cannot be read
"""

from __future__ import annotations


class MailbusError(Exception):
    """The root; its text is for the person who has to mend it and never holds mail content."""


class ConfigurationError(MailbusError):
    """A setting is missing or wrong; the text names its key."""


class InvalidJob(MailbusError):  # noqa: N818 - the public name
    """A send job that can never be sent as it stands.

    `path` is the JSON path of the offending field, such as `$.attachments[0].content`.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class UnsupportedFeature(InvalidJob):
    """The job asks for something that cannot be done; `feature` names it."""

    def __init__(self, path: str, feature: str, reason: str) -> None:
        super().__init__(path, reason)
        self.feature = feature


class SendError(MailbusError):
    """SES answered with an error, or not at all. `code` is SES's own error code."""

    def __init__(self, code: str, reason: str, *, retryable: bool) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.retryable = retryable


class PublishError(MailbusError):
    """An event is not on the bus, or not whole. `code` is EventBridge's error code, or our own."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class InvalidEvent(MailbusError):  # noqa: N818 - as the other public names
    """Not an event that Mailbus put on the bus."""


class InvalidNotification(MailbusError):  # noqa: N818 - the public name
    """A queue message is not an SNS notification, or its content is not SES's."""


class WiringError(InvalidNotification):
    """A good notification at the wrong place: the text names the topic or the bucket."""


class SignatureError(MailbusError):
    """A message that came over HTTPS is not signed by SNS, or cannot be shown to be."""


class InboundError(MailbusError):
    """A received mail cannot be read; the raw message stays where SES put it."""
