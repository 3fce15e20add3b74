from __future__ import annotations

import msgspec
import pytest

from mailbus.ses_events import SES_EVENT_TYPES, SesEventType
from mailbus_local.ses import mime
from mailbus_local.ses.events.build import EventRequest, build_event
from mailbus_local.ses.formats import Origin
from mailbus_local.ses.requests import Overrides
from mailbus_local.ses.state.messages import Message


def sent(**more: object) -> Message:
    fields: dict[str, object] = {
        "message_id": "0100018bcfe56800-0a1b2c3d-0000-4000-8000-000000000001-000000",
        "accepted_at": 1_700_000_000.0,
        "source": "shop@example.com",
        "from_domain": "example.com",
        "identity": "example.com",
        "recipients": ("alice@customer.example",),
        "operation": "SendEmail",
        "configuration_set": "mail",
        "tags": (),
        "overrides": Overrides(),
        "feedback_address": None,
        "list_management": None,
        "raw": b"",
        "headers": mime.Headers(lines=(mime.Header(name="Subject", value="Hi"),)),
        "source_ip": "127.0.0.1",
        "caller": "test",
        "templated": False,
    }
    return Message(**{**fields, **more})  # type: ignore[arg-type]


ORIGIN = Origin(region="us-east-1", account_id="000000000000")


@pytest.mark.parametrize("event_type", SES_EVENT_TYPES.values(), ids=lambda event_type: event_type.name)
def test_each_event_has_exactly_its_own_object(event_type: SesEventType) -> None:
    event = build_event(sent(), ORIGIN, 1_700_000_060.0, EventRequest(event_type=event_type.name))
    assert event.event_type == event_type.name
    assert [field.encode_name for field in msgspec.structs.fields(event) if getattr(event, field.name)] == [
        "eventType",
        "mail",
        event_type.object_key,
    ]


def test_headers_over_10_kb_are_truncated_and_marked() -> None:
    lines = tuple(mime.Header(name=f"X-{number}", value="v" * 500) for number in range(30))
    event = build_event(sent(headers=mime.Headers(lines=lines)), ORIGIN, 0.0, EventRequest(event_type="Open"))
    assert event.mail.headers_truncated
    assert len(event.mail.headers) == 20


def test_a_delay_has_headers_only_on_request() -> None:
    delay = build_event(sent(), ORIGIN, 0.0, EventRequest(event_type="DeliveryDelay"))
    assert delay.mail.common_headers is None
    request = EventRequest(event_type="DeliveryDelay", include_headers=True)
    with_headers = build_event(sent(), ORIGIN, 0.0, request)
    assert with_headers.mail.headers == (mime.Header(name="Subject", value="Hi"),)
