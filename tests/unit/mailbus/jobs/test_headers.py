from __future__ import annotations

import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.headers import read_headers, read_recipient_headers

PATH = "$.headers"


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("From", "use from_email"),
        ("Cc", "use cc"),
        ("BCC", "use bcc"),
        ("Resent-Bcc", "use bcc"),
        ("Subject", "use subject"),
        ("Reply-To", "use reply_to"),
        ("X-Tag", "use tags"),
        ("X-Metadata", "use metadata"),
        ("Date", "set by SES; remove it"),
        ("message-id", "set by SES; remove it"),
        ("Return-Path", "set envelope_sender"),
        ("MIME-Version", "made from the job; remove it"),
        ("Content-Type", "use text, html, alternatives or attachments"),
        ("Content-Transfer-Encoding", "made from the job; remove it"),
        ("Content-Disposition", "attachments[].disposition"),
        ("Content-ID", "attachments[].content_id"),
        ("Content-MD5", "made from the job; remove it"),
        ("X-SES-CONFIGURATION-SET", "use esp_extra.ConfigurationSetName"),
        ("X-SES-MESSAGE-TAGS", "use tags, or esp_extra.EmailTags"),
        ("X-SES-TENANT", "use esp_extra.TenantName"),
        ("X-SES-LIST-MANAGEMENT-OPTIONS", "use esp_extra.ListManagementOptions"),
        ("X-SES-SOURCE-ARN", "use esp_extra.FromEmailAddressIdentityArn"),
        ("X-SES-FROM-ARN", "use esp_extra.FromEmailAddressIdentityArn"),
        ("X-SES-RETURN-PATH-ARN", "use esp_extra.FeedbackForwardingEmailAddressIdentityArn"),
        ("X-SES-Other", "esp_extra"),
    ],
)
def test_a_reserved_header_is_refused_at_its_path_with_the_way_out(name: str, way_out: str) -> None:
    for read in (read_headers, read_recipient_headers):
        with pytest.raises(InvalidJob) as refused:
            read({"X-Shop": "north", name: "value"}, PATH)
        assert refused.value.path == f"{PATH}.{name}"
        assert way_out in refused.value.reason


@pytest.mark.parametrize(
    "name",
    ["Content-Language", "Content-Description", "Content-Class", "Content-Location", "Content-Duration"],
)
def test_a_header_about_the_content_that_is_no_structure_is_sent(name: str) -> None:
    assert read_headers({name: "de"}, PATH).extra == ((name, "de"),)


def test_headers_are_written_by_their_syntax_for_all_and_for_one() -> None:
    headers = {"list-unsubscribe": " <https://bücher.example/weg> ", "X-Note": "für alle"}
    written = (
        ("list-unsubscribe", "<https://xn--bcher-kva.example/weg>"),
        ("X-Note", "=?utf-8?b?ZsO8cg==?= alle"),
    )
    assert read_headers(headers, PATH).extra == written
    assert tuple(read_recipient_headers(headers, PATH).values()) == written


def test_a_header_without_a_7_bit_form_is_refused_at_its_path() -> None:
    for read in (read_headers, read_recipient_headers):
        with pytest.raises(InvalidJob) as refused:
            read({"References": "<größe@example.com>"}, PATH)
        assert refused.value.path == f"{PATH}.References"
