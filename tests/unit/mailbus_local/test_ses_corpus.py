"""The simulated SES on public mail: it may refuse, never fail."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mailbus_local.ses import drafts, receipts
from mailbus_local.ses.messages import new_inbound_id
from mailbus_local.ses.receipts import ActionDone, Envelope
from mailbus_local.ses.refusals import Refusal
from mailbus_local.ses.wire import Destination, EmailContent, Raw, SendEmail

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus" / "mime"
MAILS = sorted(CORPUS.rglob("*.eml"))

pytestmark = pytest.mark.skipif(not MAILS, reason="the corpus of public mail is not beside this project")


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.name)
def test_any_mail_is_received_whole(path: Path) -> None:
    raw = path.read_bytes()
    envelope = Envelope(
        message_id=new_inbound_id(),
        mail_from="bounces@sender.example",
        recipients=("support@inbound.example.com",),
        peer="127.0.0.1",
        received_at=1_800_000_000.0,
    )
    found = receipts.verdicts(raw, scanned=True)
    mail = receipts.stored(raw, envelope, found, ())
    done = ActionDone(type="S3", bucket_name="mail", object_key=envelope.message_id)
    told = receipts.notification(mail, envelope, envelope.recipients, found, done)
    assert mail.endswith(raw)
    assert msgspec.json.decode(receipts.encode(told))["mail"]["messageId"] == envelope.message_id


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.name)
def test_any_mail_is_accepted_or_refused_by_name(path: Path) -> None:
    raw = path.read_bytes()
    request = SendEmail(
        content=EmailContent(raw=Raw(data=raw)),
        destination=Destination(to_addresses=("alice@customer.example",)),
    )
    reason = ""
    try:
        draft = drafts.from_request(request, None)
    except Refusal as refusal:
        reason = refusal.reason
    else:
        reason = "accepted" if draft.raw.endswith(raw) else ""
    assert reason
