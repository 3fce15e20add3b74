from __future__ import annotations

import json
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.events import Mailbox
from mailbus.jobs.inline_template import read_inline_template
from mailbus.jobs.job import Job, MergeRecipient
from sender.ses.send_bulk_email import BulkRequest, build_bulk_request
from tests.unit.sender.ses.example_jobs import LOGO, MERGE_ANN, PDF, check_parameters, merge_job, written
from tests.unit.sender.settings import SETTINGS
from tracking import headers as tracking
from tracking.notification import Header

if TYPE_CHECKING:
    from mailbus.environment import SenderSettings


def request(job: Job, settings: SenderSettings = SETTINGS, part: int | None = None) -> BulkRequest:
    built = build_bulk_request(job, settings, part)
    check_parameters("SendBulkEmail", {**built.params, "BulkEmailEntries": list(built.entries)})
    return built


def sent_headers(built: BulkRequest, entry: int = 0) -> list[tuple[str, str]]:
    return [(header["Name"], header["Value"]) for header in built.entries[entry]["ReplacementHeaders"]]


def test_a_stored_template_is_filled_for_each_recipient() -> None:
    built = request(merge_job(reply_to=(Mailbox(name="Hilfe für alle", address="help@example.com"),)))
    assert built.params == {
        "FromEmailAddress": "Example <hello@example.com>",
        "ReplyToAddresses": ["=?utf-8?q?Hilfe_f=C3=BCr_alle?= <help@example.com>"],
        "DefaultEmailTags": [{"Name": "mailbus-job-id", "Value": "spring-1"}],
        "DefaultContent": {"Template": {"TemplateName": "welcome", "TemplateData": "{}"}},
        "ConfigurationSetName": "mailbus-dev",
    }
    ann, zoe = built.entries
    data = ann["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
    assert ann == {
        "Destination": {"ToAddresses": ["Ann Lee <ann@example.org>"]},
        "ReplacementTags": [
            {"Name": "mailbus-job-id", "Value": "spring-1"},
            {"Name": "mailbus-entry", "Value": "0"},
        ],
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
        "ReplacementHeaders": [
            {"Name": "X-Shelf", "Value": "4"},
            {"Name": "X-Metadata", "Value": '{"user": 17}'},
        ],
    }
    assert json.loads(data) == MERGE_ANN.data
    assert zoe["Destination"] == {"ToAddresses": ["=?utf-8?b?Wm/Dqw==?= <zoe@example.org>"]}
    assert zoe["ReplacementTags"][-1] == {"Name": "mailbus-entry", "Value": "1"}


def test_without_a_stored_template_the_jobs_content_is_the_template() -> None:
    inline = read_inline_template("Hallo {{name}}", None, "<p>{{the_shop}}</p>")
    built = request(merge_job(inline=inline))
    assert built.params["DefaultContent"]["Template"] == {
        "TemplateContent": {"Subject": "Hallo {{name}}", "Html": "<p>{{theShop}}</p>"},
        "TemplateData": "{}",
    }


def test_each_message_goes_to_the_copy_recipients_and_to_nobody_twice() -> None:
    built = request(
        merge_job(
            cc=(
                Mailbox(name="Boss", address="boss@example.com"),
                Mailbox(name="", address="ann@EXAMPLE.org"),
            ),
            bcc=(Mailbox(name="", address="archive@example.com"),),
        )
    )
    assert [entry["Destination"] for entry in built.entries] == [
        {
            "ToAddresses": ["Ann Lee <ann@example.org>"],
            "CcAddresses": ["Boss <boss@example.com>"],
            "BccAddresses": ["archive@example.com"],
        },
        {
            "ToAddresses": ["=?utf-8?b?Wm/Dqw==?= <zoe@example.org>"],
            "CcAddresses": ["Boss <boss@example.com>", "ann@EXAMPLE.org"],
            "BccAddresses": ["archive@example.com"],
        },
    ]


def test_an_entry_of_a_part_is_tagged_with_both_numbers() -> None:
    built = request(merge_job(), part=3)
    names = [entry["ReplacementTags"][-1]["Value"] for entry in built.entries]
    assert names == ["3-0", "3-1"]


def test_every_entry_has_all_tags_of_the_call() -> None:
    settings = msgspec.structs.replace(SETTINGS, message_tag_name="campaign")
    extra = {"DefaultEmailTags": [{"Name": "shop", "Value": "4"}, {"Name": "mailbus-entry", "Value": "9"}]}
    built = request(merge_job(tags=("spring",), esp_extra=extra), settings)
    assert built.params["DefaultEmailTags"] == [
        {"Name": "mailbus-job-id", "Value": "spring-1"},
        {"Name": "campaign", "Value": "spring"},
        {"Name": "shop", "Value": "4"},
    ]
    assert built.entries[1]["ReplacementTags"] == [
        *built.params["DefaultEmailTags"],
        {"Name": "mailbus-entry", "Value": "1"},
    ]


def test_the_parameters_common_to_both_calls_are_set() -> None:
    params = request(
        merge_job(
            envelope_sender="bounces@example.com", track_clicks=False, esp_extra={"TenantName": "shop-4"}
        )
    ).params
    assert params["FeedbackForwardingEmailAddress"] == "bounces@example.com"
    assert params["ConfigurationOverrides"] == {"Tracking": {"ClickTrackingEnabled": "DISABLED"}}
    assert params["TenantName"] == "shop-4"


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (
            {"ListManagementOptions": {"ContactListName": "news"}},
            "SendBulkEmail has no parameter 'ListManagementOptions'",
        ),
        ({"EmailTags": []}, r"no parameter 'EmailTags'; did you mean DefaultEmailTags\?"),
        ({"DefaultEmailTags": [{"Value": "4"}]}, r"Missing required parameter in DefaultEmailTags\[0\]"),
    ],
)
def test_esp_extra_that_does_not_match_a_bulk_call_is_refused(extra: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidJob, match=reason) as refused:
        build_bulk_request(merge_job(esp_extra=extra), SETTINGS, None)
    assert refused.value.path == "$.esp_extra"


def test_each_entry_has_its_headers_tags_and_metadata() -> None:
    ann = msgspec.structs.replace(
        MERGE_ANN,
        headers=(("List-Unsubscribe", "<https://example.com/u?t=1>"), written("X-Note", "für\talle")),
    )
    built = request(
        merge_job(ann, sender=Mailbox(name="", address="team@example.com"), tags=("größer", "a  b"))
    )
    found = [(name, str(make_header(decode_header(value)))) for name, value in sent_headers(built)]
    assert found == [
        ("List-Unsubscribe", "<https://example.com/u?t=1>"),
        ("X-Note", "für\talle"),
        ("Sender", "team@example.com"),
        ("X-Tag", "größer"),
        ("X-Tag", "a  b"),
        ("X-Metadata", '{"user": 17}'),
    ]


@pytest.mark.parametrize(("size", "fits"), [(973, True), (974, False), (60_000, False)])
def test_metadata_too_long_for_a_header_is_left_to_the_ledger(size: int, fits: bool) -> None:  # noqa: FBT001 - a row
    ann = msgspec.structs.replace(MERGE_ANN, metadata={"token": "x" * size})
    assert dict(sent_headers(request(merge_job(ann)))).get("X-Metadata") == (
        json.dumps(ann.metadata) if fits else None
    )


def test_metadata_is_no_header_if_the_deployment_disables_it() -> None:
    settings = msgspec.structs.replace(SETTINGS, metadata_in_headers=False)
    assert sent_headers(request(merge_job(MERGE_ANN), settings)) == [("X-Shelf", "4")]


def test_attachments_are_part_of_the_template() -> None:
    invoice = msgspec.structs.replace(PDF, filename="Rechnung März.pdf")
    template = request(merge_job(attachments=(LOGO, invoice))).params["DefaultContent"]["Template"]
    assert template["Attachments"] == [
        {
            "RawContent": b"\x89PNG\r\n\x1a\n\x00",
            "FileName": "logo",
            "ContentType": "image/png",
            "ContentDisposition": "INLINE",
            "ContentId": "logo",
            "ContentTransferEncoding": "BASE64",
        },
        {
            "RawContent": b"%PDF-1.4\n\x00\xff",
            "FileName": "Rechnung März.pdf",
            "ContentType": "application/pdf",
            "ContentDisposition": "ATTACHMENT",
            "ContentTransferEncoding": "BASE64",
        },
    ]


def test_a_merge_larger_than_ses_accepts_is_refused_before_anything_is_sent() -> None:
    large = msgspec.structs.replace(PDF, content=bytes(31_000_000))
    with pytest.raises(InvalidJob, match="SES accepts 40000000") as refused:
        build_bulk_request(merge_job(attachments=(large,)), SETTINGS, None)
    assert refused.value.path == "$.attachments"


LINE = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029"), max_size=60
).map(str.strip)
VALUE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
RECIPIENT = st.builds(
    lambda local, name, data, metadata, note: MergeRecipient(
        mailbox=Mailbox(name=name, address=f"{local}@example.org"),
        data=data,
        metadata=metadata,
        headers=(("X-Note", note),),
    ),
    st.from_regex(r"[a-z0-9+_-]{1,20}", fullmatch=True),
    LINE,
    st.dictionaries(VALUE, VALUE | st.lists(VALUE, max_size=2), max_size=3),
    st.dictionaries(VALUE, VALUE | st.booleans() | st.none(), max_size=3),
    LINE.filter(bool),
)


@given(st.lists(RECIPIENT, min_size=1, max_size=4), st.lists(LINE.filter(bool), max_size=3), LINE)
def test_any_merge_matches_ses_and_is_read_back(
    recipients: list[MergeRecipient], tags: list[str], name: str
) -> None:
    sender = Mailbox(name=name, address="hello@example.com")
    sent = [
        msgspec.structs.replace(one, headers=tuple(written(*pair) for pair in one.headers))
        for one in recipients
    ]
    built = request(merge_job(*sent, from_email=(sender,), tags=tuple(tags)))
    assert built.params["FromEmailAddress"].isprintable()
    for recipient, entry in zip(recipients, built.entries, strict=True):
        headers = entry["ReplacementHeaders"]
        # SES's pattern of a value, which lets no line end through
        assert all(value["Value"].isascii() and value["Value"].isprintable() for value in headers)
        assert all(len(value["Name"] + value["Value"]) <= 996 for value in headers)
        seen = [Header(name=header["Name"], value=header["Value"]) for header in headers]
        found = tracking.read(seen)
        assert (found.tags, found.metadata) == (tuple(tags), recipient.metadata)
        assert str(make_header(decode_header(headers[0]["Value"]))) == recipient.headers[0][1]
        [to] = entry["Destination"]["ToAddresses"]
        assert to.isascii()
        assert to.endswith((recipient.mailbox.address, f"<{recipient.mailbox.address}>"))
        data = entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
        assert json.loads(data) == recipient.complete_data


def test_a_file_without_a_name_gets_one_which_ses_requires() -> None:
    file = msgspec.structs.replace(LOGO, filename=None, content_id=None, content_type="application/pdf; a=b")
    described = msgspec.structs.replace(LOGO, headers=(("Content-Description", "Our logo"),))

    template = request(merge_job(attachments=(file, described))).params["DefaultContent"]["Template"]

    first, second = template["Attachments"]
    assert (first["FileName"], "ContentDescription" in first) == ("attachment-1.pdf", False)
    assert second["ContentDescription"] == "Our logo"
