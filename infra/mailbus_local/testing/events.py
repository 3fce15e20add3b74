"""The events of the bus, by a rule and a queue of the tests' own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args, overload

import msgspec

from mailbus.events import EmailEvent, InboundEvent, LaneEvent, parse
from mailbus.events.vocabulary import EmailEventType, EventType, InboundEventType
from mailbus.spelling import nearest
from mailbus_local.subscriber import subscribe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailbus_local.subscriber import Aws
    from mailbus_local.testing.waiting import Wait

SECONDS: Final = 30.0
QUEUE: Final = "mailbus-testing-events"
_FIELDS: Final = tuple(
    dict.fromkeys(field.name for kind in (EmailEvent, InboundEvent) for field in msgspec.structs.fields(kind))
)


class Events:
    """The events of mails of this test in order of arrival, repeated ones once; `for event in events` too."""

    def __init__(self, aws: Aws, sqs: Any, wait: Wait) -> None:
        self._sqs = sqs
        self._wait = wait
        self._seen: dict[str, EmailEvent | InboundEvent] = {}
        self.queue_url = subscribe(aws, sqs, QUEUE)

    @property
    def all(self) -> tuple[EmailEvent | InboundEvent, ...]:
        """The events that have arrived so far."""
        while True:
            answer = self._sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            if not messages:
                return tuple(self._seen.values())
            for message in messages:
                event = parse(message["Body"])
                if not isinstance(event, LaneEvent):
                    self._seen.setdefault(event.event_id, event)
            entries = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(messages)
            ]
            self._sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)

    def __len__(self) -> int:
        """Return how many events have arrived so far."""
        return len(self.all)

    def __iter__(self) -> Iterator[EmailEvent | InboundEvent]:
        """Iterate over the events that have arrived so far."""
        return iter(self.all)

    @overload
    def wait_for(
        self,
        event_type: InboundEventType,
        *,
        timeout: float = SECONDS,
        **fields: object,
    ) -> InboundEvent: ...

    @overload
    def wait_for(
        self,
        event_type: EmailEventType,
        *,
        timeout: float = SECONDS,
        **fields: object,
    ) -> EmailEvent: ...

    def wait_for(
        self, event_type: EventType, *, timeout: float = SECONDS, **fields: object
    ) -> EmailEvent | InboundEvent:
        """Wait for an event of a type with these fields (`job_id=…, recipient=…`), and return it.

        Fails after `timeout` seconds, or as soon as the job has failed, with what arrived instead.
        """
        __tracebackhide__ = True
        _check("type", event_type, get_args(EventType))
        for name in fields:
            _check("field", name, _FIELDS)

        job_id, recipient = fields.get("job_id"), fields.get("recipient")
        given = "".join(f", {name}={value!r}" for name, value in fields.items())

        def matching() -> list[EmailEvent | InboundEvent]:
            return [event for event in self.all if _has(event, {"event_type": event_type, **fields})]

        return self._wait.until(
            matching,
            f"no event {event_type!r}{given.replace(', ', ' with ', 1)}",
            seconds=timeout,
            job_id=job_id if isinstance(job_id, str) else None,
            recipient=recipient if isinstance(recipient, str) else None,
        )[0]

    def clear(self) -> None:
        """Forget the events that have arrived so far."""
        _ = self.all
        self._seen.clear()


def _has(event: EmailEvent | InboundEvent, fields: Mapping[str, object]) -> bool:
    return all(getattr(event, name, None) == value for name, value in fields.items())


def _check(kind: str, name: str, known: Sequence[str]) -> None:
    """Raise if no event has this, which would never arrive."""
    if name not in known:
        near = nearest(name, known)
        hint = f"; did you mean {near!r}?" if near else ""
        reason = f"events have no {kind} {name!r}{hint}"
        raise ValueError(reason)
