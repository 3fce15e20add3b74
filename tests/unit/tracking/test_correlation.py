from __future__ import annotations

from datetime import datetime

from mailbus.ledger.records import RecordKey
from tests.unit.tracking.notifications import normalized, payload
from tracking.correlation import Lookup, Message

MAIL = payload("event_send")["mail"]
KEY = RecordKey(job_id=MAIL["tags"]["mailbus-job-id"][0])
MESSAGE = Message(
    message_id=MAIL["messageId"], accepted_at=datetime.fromisoformat(MAIL["timestamp"]).timestamp()
)


def test_the_lookup_of_an_event_is_made_of_its_tags() -> None:
    sent = payload("event_send")
    assert normalized(sent).lookup == Lookup(
        key=KEY,
        entry=0,
        message=MESSAGE,
        accepted=True,
    )
    sent["mail"]["tags"].pop("mailbus-job-id")
    assert normalized(sent).lookup is None
    truncated = payload("event_click")
    truncated["mail"]["headersTruncated"] = True
    assert normalized(truncated).lookup == Lookup(key=KEY, entry=0, message=MESSAGE, incomplete=True)
