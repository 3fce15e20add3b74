from __future__ import annotations

import json
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.events import Mailbox
from mailbus.jobs.job import Attachment, Job, Merge, MergeRecipient
from sender.ses.send_bulk_email import BulkRequest, build_bulk_request
from tests.unit.sender.example_settings import SETTINGS
from tracking import headers as tracking
from tracking.notification import Header

if TYPE_CHECKING:
    from mailbus.environment import SenderSettings

HELLO = Mailbox(name="Example", address="hello@example.com")
ANN = MergeRecipient(
    mailbox=Mailbox(name="Ann Lee", address="ann@example.org"),
    data={"shop": "Example", "name": "Ann", "orders": [{"id": 4711}]},
    metadata={"user": 17},
    headers=(("X-Shelf", "4"),),
)
ZOE = MergeRecipient(
    mailbox=Mailbox(name="Zoë", address="zoe@example.org"), data={"shop": "Example", "name": "Zoë"}
)
LOGO = Attachment(
    content=b"\x89PNG", content_type="image/png", filename=None, content_id="logo", disposition="inline"
)
PDF = Attachment(
    content=b"%PDF-1.4\n\x00\xff",
    content_type="application/pdf",
    filename="Rechnung März.pdf",
    content_id=None,
    disposition="attachment",
)


def job(
    *recipients: MergeRecipient, template_id: str | None = "welcome", global_data: Any = None, **fields: Any
) -> Job:
    merge = Merge(
        recipients=recipients or (ANN, ZOE),
        template_id=template_id,
        global_data={"shop": "Example"} if global_data is None else global_data,
    )
    asked: dict[str, Any] = {"job_id": "spring-1", "from_email": (HELLO,), "merge": merge}
    return Job(**asked | fields)


def planned(asked: Job, settings: SenderSettings = SETTINGS, part: int | None = None) -> BulkRequest:
    bulk = build_bulk_request(asked, settings, part)
    model = ServiceModel(create_loader().load_service_model("sesv2", "service-2"), "sesv2")
    shape = model.operation_model("SendBulkEmail").input_shape
    call = {**bulk.params, "BulkEmailEntries": list(bulk.entries)}
    report = ParamValidator().validate(call, shape)
    assert not report.has_errors(), report.generate_report()
    return bulk


def sent_headers(bulk: BulkRequest, entry: int = 0) -> list[tuple[str, str]]:
    return [(header["Name"], header["Value"]) for header in bulk.entries[entry]["ReplacementHeaders"]]


def test_a_stored_template_is_filled_for_each_recipient() -> None:
    bulk = planned(job(reply_to=(Mailbox(name="Hilfe für alle", address="help@example.com"),)))
    assert bulk.params == {
        "FromEmailAddress": "Example <hello@example.com>",
        "ReplyToAddresses": ["=?utf-8?q?Hilfe_f=C3=BCr_alle?= <help@example.com>"],
        "DefaultEmailTags": [{"Name": "mailbus-job-id", "Value": "spring-1"}],
        "DefaultContent": {"Template": {"TemplateName": "welcome", "TemplateData": '{"shop":"Example"}'}},
        "ConfigurationSetName": "mailbus",
    }
    ann, zoe = bulk.entries
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
    assert json.loads(data) == ANN.data
    assert zoe["Destination"] == {"ToAddresses": ["=?utf-8?b?Wm/Dqw==?= <zoe@example.org>"]}
    assert zoe["ReplacementTags"][-1] == {"Name": "mailbus-entry", "Value": "1"}


def test_without_a_stored_template_the_mail_is_the_template() -> None:
    bulk = planned(job(template_id=None, subject="Hallo {{name}}", html="<p>{{shop}}</p>"))
    assert bulk.params["DefaultContent"]["Template"] == {
        "TemplateContent": {"Subject": "Hallo {{name}}", "Html": "<p>{{shop}}</p>"},
        "TemplateData": '{"shop":"Example"}',
    }


def test_copies_go_out_with_each_message_and_to_nobody_twice() -> None:
    bulk = planned(
        job(
            cc=(
                Mailbox(name="Boss", address="boss@example.com"),
                Mailbox(name="", address="ann@EXAMPLE.org"),
            ),
            bcc=(Mailbox(name="", address="archive@example.com"),),
        )
    )
    assert [entry["Destination"] for entry in bulk.entries] == [
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


def test_an_entry_of_a_part_is_named_by_both_numbers() -> None:
    bulk = planned(job(), part=3)
    names = [entry["ReplacementTags"][-1]["Value"] for entry in bulk.entries]
    assert names == ["3-0", "3-1"]


def test_every_entry_has_all_tags_that_the_call_has() -> None:
    settings = msgspec.structs.replace(SETTINGS, message_tag_name="campaign")
    extra = {"DefaultEmailTags": [{"Name": "shop", "Value": "4"}, {"Name": "mailbus-entry", "Value": "9"}]}
    bulk = planned(job(tags=("spring",), esp_extra=extra), settings)
    assert bulk.params["DefaultEmailTags"] == [
        {"Name": "mailbus-job-id", "Value": "spring-1"},
        {"Name": "campaign", "Value": "spring"},
        {"Name": "shop", "Value": "4"},
    ]
    assert bulk.entries[1]["ReplacementTags"] == [
        *bulk.params["DefaultEmailTags"],
        {"Name": "mailbus-entry", "Value": "1"},
    ]


def test_what_one_call_takes_the_other_takes_too() -> None:
    params = planned(
        job(envelope_sender="bounces@example.com", track_clicks=False, esp_extra={"TenantName": "shop-4"})
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
def test_what_a_bulk_call_has_no_place_for_is_refused(extra: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidJob, match=reason) as refused:
        build_bulk_request(job(esp_extra=extra), SETTINGS, None)
    assert refused.value.path == "$.esp_extra"


def test_headers_tags_and_metadata_travel_with_each_entry() -> None:
    ann = msgspec.structs.replace(
        ANN, headers=(("List-Unsubscribe", "<https://example.com/u?t=1>"), ("X-Note", "für\talle"))
    )
    bulk = planned(job(ann, sender=Mailbox(name="", address="team@example.com"), tags=("größer", "a  b")))
    found = [(name, str(make_header(decode_header(value)))) for name, value in sent_headers(bulk)]
    assert found == [
        ("List-Unsubscribe", "<https://example.com/u?t=1>"),
        ("X-Note", "für\talle"),
        ("Sender", "team@example.com"),
        ("X-Tag", "größer"),
        ("X-Tag", "a  b"),
        ("X-Metadata", '{"user": 17}'),
    ]


@pytest.mark.parametrize(("size", "kept"), [(973, True), (974, False), (60_000, False)])
def test_metadata_that_no_header_takes_is_left_to_the_ledger(size: int, kept: bool) -> None:  # noqa: FBT001 - a row
    ann = msgspec.structs.replace(ANN, metadata={"token": "x" * size})
    assert dict(sent_headers(planned(job(ann)))).get("X-Metadata") == (
        json.dumps(ann.metadata) if kept else None
    )


def test_metadata_stays_out_of_a_merge_where_the_deployment_says_so() -> None:
    settings = msgspec.structs.replace(SETTINGS, metadata_in_headers=False)
    assert sent_headers(planned(job(ANN), settings)) == [("X-Shelf", "4")]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (("X-Note", ""), "is empty"),
        (("X-Note", "y " * 496), "has 991 characters"),
        (("X-Note", "ü" * 500), "characters when encoded"),
    ],
)
def test_a_header_that_no_template_takes_is_refused(header: tuple[str, str], reason: str) -> None:
    ann = msgspec.structs.replace(ANN, headers=(header,))
    with pytest.raises(InvalidJob, match=reason) as refused:
        build_bulk_request(job(ann), SETTINGS, None)
    assert refused.value.path == f"$.merge_headers.*.{header[0]}"
    with pytest.raises(InvalidJob, match=reason) as refused:
        build_bulk_request(job(ann, headers=(header,)), SETTINGS, None)
    assert refused.value.path == f"$.headers.{header[0]}"


def test_files_go_with_every_message() -> None:
    template = planned(job(attachments=(LOGO, PDF))).params["DefaultContent"]["Template"]
    assert template["Attachments"] == [
        {
            "RawContent": b"\x89PNG",
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


def test_a_merge_over_the_size_of_ses_is_refused_before_anything_is_sent() -> None:
    large = msgspec.structs.replace(PDF, content=bytes(31_000_000))
    with pytest.raises(InvalidJob, match="SES accepts 40000000") as refused:
        build_bulk_request(job(attachments=(large,)), SETTINGS, None)
    assert refused.value.path == "$.attachments"


LINE = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029"), max_size=60
).map(str.strip)
VALUE = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
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
def test_any_merge_is_one_that_ses_takes_and_says_what_was_asked(
    recipients: list[MergeRecipient], tags: list[str], name: str
) -> None:
    sender = Mailbox(name=name, address="hello@example.com")
    bulk = planned(job(*recipients, from_email=(sender,), tags=tuple(tags)))
    assert bulk.params["FromEmailAddress"].isprintable()
    for recipient, entry in zip(recipients, bulk.entries, strict=True):
        written = entry["ReplacementHeaders"]
        # SES's pattern of a value, which lets no line end through
        assert all(value["Value"].isascii() and value["Value"].isprintable() for value in written)
        assert all(len(value["Name"] + value["Value"]) <= 996 for value in written)
        seen = [Header(name=header["Name"], value=header["Value"]) for header in written]
        told = tracking.read(seen)
        assert (told.tags, told.metadata) == (tuple(tags), recipient.metadata)
        assert str(make_header(decode_header(written[0]["Value"]))) == recipient.headers[0][1]
        [to] = entry["Destination"]["ToAddresses"]
        assert to.isascii()
        assert to.endswith((recipient.mailbox.address, f"<{recipient.mailbox.address}>"))
        data = entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
        assert json.loads(data) == recipient.data
