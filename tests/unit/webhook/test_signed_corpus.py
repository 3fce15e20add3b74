"""Messages that SNS really signed, with the clock set back to when their certificates were valid."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from mailbus.errors import SignatureError
from webhook.certificates import require_certificate_url
from webhook.messages import Message, created_at, parse_message, type_of
from webhook.signature import require_recent, verify

CORPUS = Path(__file__).resolve().parents[3].parent / "shared" / "corpus" / "sns"
FILES = sorted(CORPUS.glob("*/*.json"))
pytestmark = pytest.mark.skipif(not FILES, reason="the corpus is not beside this project")


def as_posted(path: Path) -> dict[str, Any]:
    """Parse a message; one has Lambda's spelling of the fields."""
    spelling = {"SigningCertUrl": "SigningCertURL", "UnsubscribeUrl": "UnsubscribeURL"}
    whole = json.loads(path.read_text(encoding="utf-8"))
    return {spelling.get(name, name): value for name, value in whole.items()}


def certificate_of(path: Path, message: Message) -> x509.Certificate:
    name = require_certificate_url(message.signing_cert_url).rpartition("/")[2]
    return x509.load_pem_x509_certificate((path.parent / name).read_bytes())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_message_of_the_corpus_is_accepted_at_its_time_and_refused_today(path: Path) -> None:
    message = parse_message(json.dumps(as_posted(path)))
    certificate = certificate_of(path, message)
    then = created_at(message) + timedelta(seconds=1)
    require_recent(message, then)
    verify(message, certificate, then)
    with pytest.raises(SignatureError, match="not valid now"):
        verify(message, certificate, certificate.not_valid_after_utc + timedelta(seconds=1))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_altered_message_of_the_corpus_is_refused(path: Path) -> None:
    whole = as_posted(path)
    for field in ("Message", "MessageId", "Subject", "SubscribeURL", "Token", "TopicArn"):
        if field in whole:
            altered = parse_message(json.dumps(whole | {field: f"{whole[field]}x"}))
            with pytest.raises(SignatureError, match="not SNS's signature"):
                verify(altered, certificate_of(path, altered), created_at(altered))


def test_the_corpus_has_every_message_type() -> None:
    found = {(type_of(message), message.signature_version) for message in map(parsed, FILES)}
    assert found == {
        ("Notification", "1"),
        ("Notification", "2"),
        ("SubscriptionConfirmation", "1"),
        ("UnsubscribeConfirmation", "2"),
    }


def parsed(path: Path) -> Message:
    return parse_message(json.dumps(as_posted(path)))
