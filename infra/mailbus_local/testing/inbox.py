"""The inbox: all mail that the simulated SES accepted, whoever it is for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailbus_local.testing.mail import Mail, to_mail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mailbus_local.testing.control import Control
    from mailbus_local.testing.waiting import Wait

SECONDS: Final = 30.0


class Inbox:
    """The mail that SES accepted in this test, in order: `len(inbox)`, `inbox[0]`, `for mail in inbox`."""

    def __init__(self, control: Control, wait: Wait) -> None:
        self._control = control
        self._wait = wait
        self._read = 0
        self._mails: list[Mail] = []

    @property
    def mails(self) -> tuple[Mail, ...]:
        """The mails that have arrived so far."""
        while True:
            # what was read is not asked for again
            path = f"messages?next={self._read}" if self._read else "messages"
            page = self._control.request("GET", path)
            self._mails += [to_mail(accepted) for accepted in page["messages"]]
            self._read += len(page["messages"])
            if page["next"] is None:
                return tuple(self._mails)

    def __len__(self) -> int:
        """Return how many mails have arrived so far."""
        return len(self.mails)

    def __iter__(self) -> Iterator[Mail]:
        """Iterate over the mails that have arrived so far."""
        return iter(self.mails)

    def __getitem__(self, position: int) -> Mail:
        """Return the mail at a position, in order of arrival."""
        return self.mails[position]

    def wait_for(  # noqa: PLR0913 - the conditions, each optional
        self,
        *,
        to: str | None = None,
        subject: str | re.Pattern[str] | None = None,
        job_id: str | None = None,
        tag: str | None = None,
        where: Callable[[Mail], bool] | None = None,
        count: int = 1,
        timeout: float = SECONDS,
    ) -> Mail:
        """Wait for a mail that meets all conditions, and return it: the last one of `count`.

        `to` is a recipient in the envelope; `subject` the whole subject, or a pattern to search in it. Fails
        after `timeout` seconds, or as soon as the job has failed, with what arrived instead.
        """
        __tracebackhide__ = True

        def matches(mail: Mail) -> bool:
            return (
                (to is None or to.casefold() in (each.casefold() for each in mail.recipients))
                and (subject is None or _has_subject(mail, subject))
                and (job_id is None or mail.job_id == job_id)
                and (tag is None or tag in mail.tags)
                and (where is None or where(mail))
            )

        def enough() -> list[Mail]:
            return [mail for mail in self.mails if matches(mail)][count - 1 : count]

        conditions = {"to": to, "subject": subject, "job_id": job_id, "tag": tag, "where": where}
        return self._wait.until(
            enough,
            f"{'no mail' if count == 1 else f'fewer than {count} mails'}{_worded(conditions)}",
            seconds=timeout,
            job_id=job_id,
            recipient=to,
        )[0]

    def clear(self) -> None:
        """Forget the mails that have arrived so far."""
        _ = self.mails
        self._mails.clear()


def _has_subject(mail: Mail, subject: str | re.Pattern[str]) -> bool:
    if isinstance(subject, re.Pattern):
        return subject.search(mail.subject) is not None
    return mail.subject == subject


def _worded(conditions: Mapping[str, object]) -> str:
    given = {
        name: value.pattern if isinstance(value, re.Pattern) else value
        for name, value in conditions.items()
        if value is not None
    }
    return " with " + ", ".join(f"{name}={value!r}" for name, value in given.items()) if given else ""
