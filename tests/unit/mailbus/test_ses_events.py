from __future__ import annotations

from typing import get_args

import botocore.session

from mailbus.events import EventType
from mailbus.ses_events import FEEDBACK_TYPES, SES_EVENT_TYPES

ALL = SES_EVENT_TYPES.values()
# of the event types that Mailbus has, these do not come from SES's event publishing
NOT_OF_SES_EVENTS = {"queued", "inbound", "inbound_failed", "unknown"}


def enum(service: str, shape: str) -> set[str]:
    return set(botocore.session.get_session().get_service_model(service).shape_for(shape).metadata["enum"])


def test_the_table_has_every_event_type_of_the_ses_api() -> None:
    assert {event_type.destination_name for event_type in ALL} == enum("sesv2", "EventType")


def test_templates_spell_event_types_as_the_first_ses_api_does() -> None:
    names = {event_type.template_name for event_type in ALL}
    # that API is no longer extended
    assert names - enum("ses", "EventType") == {"deliveryDelay", "subscription"}
    assert enum("ses", "EventType") < names


def test_identity_notifications_report_the_types_that_the_ses_api_lists() -> None:
    assert set(FEEDBACK_TYPES) == enum("ses", "NotificationType")
    assert set(FEEDBACK_TYPES) < set(SES_EVENT_TYPES)


def test_every_event_type_of_mailbus_comes_from_one_event_type_of_ses() -> None:
    made = [name for event_type in ALL for name in event_type.event_types]
    assert sorted(made) == sorted(set(get_args(EventType)) - NOT_OF_SES_EVENTS)
