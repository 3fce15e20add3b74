from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mailbus_local.ses.errors import SesError
from mailbus_local.ses.formats import new_inbound_id
from mailbus_local.ses.receiving.notifications import (
    Envelope,
    ReceiptAction,
    build_notification,
    encode_notification,
    stored_mail,
)
from mailbus_local.ses.receiving.verdicts import NONE_GIVEN, verdicts_on
from mailbus_local.ses.requests import Destination, EmailContent, Raw, SendEmail
from mailbus_local.ses.sending.preparation import prepare_message

CORPUS = Path(__file__).parents[4].parent / "shared" / "corpus" / "mime"


MAILS = sorted(CORPUS.rglob("*.eml"))


pytestmark = pytest.mark.skipif(not MAILS, reason="the corpus of public mail is not beside this project")


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.name)
def test_any_mail_is_received_unchanged(path: Path) -> None:
    raw = path.read_bytes()
    envelope = Envelope(
        message_id=new_inbound_id(),
        mail_from="bounces@sender.example",
        recipients=("support@inbound.example.com",),
        peer="127.0.0.1",
        received_at=1_800_000_000.0,
    )
    found = verdicts_on(raw, NONE_GIVEN, scanned=True)
    mail = stored_mail(raw, envelope, found, ())
    done = ReceiptAction(type="S3", bucket_name="mail", object_key=envelope.message_id)
    notification = build_notification(mail, envelope, envelope.recipients, found, done)
    assert mail.endswith(raw)
    assert msgspec.json.decode(encode_notification(notification))["mail"]["messageId"] == envelope.message_id


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.name)
def test_any_mail_is_accepted_or_rejected_with_a_reason(path: Path) -> None:
    raw = path.read_bytes()
    request = SendEmail(
        content=EmailContent(raw=Raw(data=raw)),
        destination=Destination(to_addresses=("alice@customer.example",)),
    )
    reason = ""
    try:
        prepared = prepare_message(request, None)
    except SesError as error:
        reason = error.reason
    else:
        reason = "accepted" if prepared.raw.endswith(raw) else ""
    assert reason
