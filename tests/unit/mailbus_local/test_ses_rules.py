"""The parts of the simulated SES that need no server."""

from __future__ import annotations

import base64

import msgspec
import pytest

from mailbus.ses_events import SES_EVENT_TYPES, SesEventType
from mailbus_local.ses import faults, identities, mime, templates
from mailbus_local.ses.account import Account, Limits
from mailbus_local.ses.addresses import mailboxes, parse
from mailbus_local.ses.drafts import recipients_of
from mailbus_local.ses.events import Origin, Wanted, make
from mailbus_local.ses.faults import Fault, Faults
from mailbus_local.ses.mailboxes import outcome
from mailbus_local.ses.messages import Message
from mailbus_local.ses.refusals import Refusal
from mailbus_local.ses.scanning import EICAR, scan
from mailbus_local.ses.wire import Overrides


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def refused(account: Account, recipients: int) -> str | None:
    try:
        account.admit(recipients, recipients)
    except Refusal as refusal:
        return refusal.reason
    return None


def test_a_burst_is_one_second_of_the_rate_and_refills_with_time() -> None:
    clock = Clock()
    account = Account(Limits(max_send_rate=14), clock)
    assert [refused(account, 1) for _ in range(14)] == [None] * 14
    assert refused(account, 1) == "Maximum sending rate exceeded."
    clock.now += 0.5
    assert [refused(account, 1) for _ in range(8)] == [None] * 7 + ["Maximum sending rate exceeded."]
    clock.now += 60
    assert [refused(account, 1) for _ in range(15)].count(None) == 14


def test_a_message_for_more_than_the_rate_waits_for_a_full_bucket_and_is_paid_for() -> None:
    clock = Clock()
    account = Account(Limits(max_send_rate=10), clock)
    assert refused(account, 1) is None
    assert refused(account, 50) == "Maximum sending rate exceeded."
    clock.now += 0.1
    assert refused(account, 50) is None
    clock.now += 4
    assert refused(account, 1) == "Maximum sending rate exceeded."
    clock.now += 0.2
    assert refused(account, 1) is None


def test_a_refused_message_costs_nothing() -> None:
    account = Account(Limits(max_send_rate=2, max_24_hour_send=3), Clock())
    assert refused(account, 4) == "Daily message quota exceeded."
    assert refused(account, 2) is None
    assert account.sent_last_24_hours() == 2


def test_the_quota_rolls_over_24_hours() -> None:
    clock = Clock()
    account = Account(Limits(max_send_rate=100, max_24_hour_send=2), clock)
    assert refused(account, 1) is None
    clock.now += 3600
    assert refused(account, 1) is None
    assert refused(account, 1) == "Daily message quota exceeded."
    clock.now += 86_400 - 3600
    assert account.sent_last_24_hours() == 1
    assert refused(account, 1) is None


def test_what_was_sent_can_be_set() -> None:
    account = Account(Limits(max_24_hour_send=200), Clock())
    account.change(account.limits, 199)
    assert [refused(account, 1), refused(account, 1)] == [None, "Daily message quota exceeded."]


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("Hello {{name}}!", "Hello Anaya!"),
        ("{{{ name }}} & {{contact.city}}", "Anaya & Bengaluru"),
        ("{{html}}", "<b>bold</b>"),
        ("{{#if vip}}gold{{else}}silver{{/if}}", "silver"),
        ("{{#unless vip}}silver{{/unless}}", "silver"),
        ("{{#if nobody}}x{{/if}}", ""),
        (
            "{{#each interests}}{{@index}}:{{interest}} of {{name}};{{/each}}",
            "0:Sports of Anaya;1:Travel of Anaya;",
        ),
        ("{{#each tags}}{{this}},{{/each}}", "a,b,"),
        ("{{#each nothing}}x{{else}}none{{/each}}", "none"),
        ('{{#* inline "full"}}{{name}}{{#if last}} {{last}}{{/if}}{{/inline~}}\n Hi {{> full}}', "Hi Anaya"),
        ("{{! a comment }}{{count}} {{vip}}", "3 false"),
        ("no braces { } at all", "no braces { } at all"),
    ],
)
def test_templates_render_as_the_guide_shows(template: str, rendered: str) -> None:
    data = templates.parse_data(
        '{"name": "Anaya", "contact": {"city": "Bengaluru"}, "html": "<b>bold</b>", "vip": false, "count": 3,'
        '"interests": [{"interest": "Sports"}, {"interest": "Travel"}], "tags": ["a", "b"], "nothing": []}'
    )
    assert templates.render(template, data) == rendered


@pytest.mark.parametrize(
    ("template", "simple"),
    [
        ("Hello {{name}}, {{ first_name }} and {{{html}}}", True),
        ("{{! a comment. }}{ {#if} }", True),
        ("{{elsewhere}}", True),
        ("{{#if vip}}gold{{/if}}", False),
        ("{{~^vip}}", False),
        ("a {{ else }} b", False),
        ("{{> footer}}", False),
        ("{{&html}}", False),
        ("{{contact.city}}", False),
        ("{{{ contact.city }}}", False),
    ],
)
def test_only_names_in_braces_are_simple_substitutions(template: str, simple: bool) -> None:  # noqa: FBT001 - a row of the table
    assert templates.is_simple(template) is simple


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{attributeName}}", "Attribute 'attributeName' is not present in the rendering data."),
        ("{{contact.name}}", "Attribute 'contact.name' is not present in the rendering data."),
        ("{{#if a}}never closed", "The template does not close its 'if' block."),
        ("closed {{/if}}", "The template closes a block that was not opened."),
        ("{{#if a}}{{/each}}", "The template closes with '{{/each}}' where '{{/if}}' is due."),
        ("{{> nowhere}}", "The partial 'nowhere' could not be found."),
        ('{{#* inline "x"}}{{> x}}{{/inline}}{{> x}}', "The template nests deeper than 50 levels."),
        ("{{two words}}", "The template tag '{{two words}}' is not understood."),
        ("{{}}", "The template tag '{{}}' is not understood."),
    ],
)
def test_a_template_that_cannot_be_rendered_says_why(template: str, reason: str) -> None:
    with pytest.raises(templates.RenderingError) as caught:
        templates.render(template, {"contact": {}})
    assert str(caught.value) == reason


@pytest.mark.parametrize("text", ["[]", '"name"', "{", "name=Anaya"])
def test_template_data_is_a_json_object(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        templates.parse_data(text)


@pytest.mark.parametrize(
    ("text", "name", "email"),
    [
        ("alice@customer.example", "", "alice@customer.example"),
        ('"Doe, John" <john.doe+a@customer.example>', "Doe, John", "john.doe+a@customer.example"),
        ("=?utf-8?q?J=C3=BCrgen?= <j@xn--mnchen-3ya.example>", "Jürgen", "j@xn--mnchen-3ya.example"),
    ],
)
def test_an_address_may_have_a_name(text: str, name: str, email: str) -> None:
    address = parse(text)
    assert (address.name, address.email) == (name, email)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "alice@",
        "@customer.example",
        "alice smith@customer.example",
        "alice@customer.example, bob@customer.example",
        "alice@customer..example",
        "alice@exa mple.com",
        "alice@münchen.example",
        "jürgen@customer.example",
        "alice@customer.example\nBcc: eve@evil.example",
    ],
)
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        parse(text)


def test_a_header_of_addresses_is_read_leniently() -> None:
    boxes = mailboxes('Team: a@x.example, "B, C" <b@x.example>;, =?utf-8?q?=C3=A9?= <c@x.example>')
    assert [box.email for box in boxes] == ["a@x.example", "b@x.example", "c@x.example"]
    assert boxes[2].shown() == "é <c@x.example>"


@pytest.mark.parametrize(
    ("email", "identity"),
    [
        ("shop@example.com", "example.com"),
        ("Shop@News.Example.com", "news.example.com"),
        ("shop@deep.mail.example.com", "example.com"),
        ("ceo@partner.example", "ceo@partner.example"),
        ("cfo@partner.example", None),
        ("shop@notexample.com", None),
        ("shop@com", None),
    ],
)
def test_the_nearest_identity_covers_an_address(email: str, identity: str | None) -> None:
    known = {"example.com", "news.example.com", "ceo@partner.example"}
    assert identities.covering(email, known) == identity


@pytest.mark.parametrize(
    ("email", "becomes"),
    [
        ("success+1@simulator.amazonses.com", "delivered"),
        ("OOTO@simulator.amazonses.com", "delivered"),
        ("bounce+label@Simulator.AmazonSES.com", "bounced"),
        ("complaint@simulator.amazonses.com", "complained"),
        ("suppressionlist@simulator.amazonses.com", "suppressed"),
        ("bounce@customer.example", "delivered"),
    ],
)
def test_the_outcome_is_in_the_name_of_a_simulator_address(email: str, becomes: str) -> None:
    assert outcome(email) == becomes


def attachment(name: str, content: bytes) -> bytes:
    return (
        b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        + f"Content-Disposition: attachment; {name}\r\n\r\n".encode()
        + base64.encodebytes(content)
        + b"--b--\r\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "filename=setup.exe",
        'filename="photo.jpg.VBS"',
        "filename*=utf-8''r%C3%A9sum%C3%A9.js",
        'filename*0="long"; filename*1=".scr"',
    ],
)
def test_a_blocked_extension_is_found_however_the_name_is_written(name: str) -> None:
    assert scan(attachment(name, b"x")).blocked() is not None


@pytest.mark.parametrize("name", ["filename=report.pdf", "filename=exe", "filename=archive.zip"])
def test_other_attachments_are_not_blocked(name: str) -> None:
    assert scan(attachment(name, b"x")).blocked() is None


def test_a_virus_is_found_as_it_stands_and_in_base64() -> None:
    assert scan(b"Subject: x\r\n\r\n" + EICAR).virus
    assert scan(attachment("filename=sample.txt", EICAR)).virus
    assert not scan(attachment("filename=sample.txt", EICAR[:-1])).virus


def test_headers_are_unfolded_and_bad_lines_left_out() -> None:
    headers = mime.read_headers(
        b"Subject: one\r\n two\r\n\tthree\r\nno colon here\r\nX A: b\r\nTo:a@b.example"
    )
    assert [(header.name, header.value) for header in headers.lines] == [
        ("Subject", "one two\tthree"),
        ("To", "a@b.example"),
    ]


def test_a_message_without_a_blank_line_is_all_headers() -> None:
    assert mime.split(b"Subject: x\r\nTo: a@b.example") == (b"Subject: x\r\nTo: a@b.example", b"")
    assert mime.split(b"\r\nbody") == (b"", b"body")
    assert mime.split(b"A: b\n\nbody\n\nmore") == (b"A: b", b"body\n\nmore")


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


@pytest.mark.parametrize("kind", SES_EVENT_TYPES.values(), ids=lambda kind: kind.name)
def test_each_event_has_its_own_object_and_no_other(kind: SesEventType) -> None:
    event = make(sent(), ORIGIN, 1_700_000_060.0, Wanted(event_type=kind.name))
    assert event.event_type == kind.name
    assert [field.encode_name for field in msgspec.structs.fields(event) if getattr(event, field.name)] == [
        "eventType",
        "mail",
        kind.object_key,
    ]


def test_headers_over_10_kb_are_truncated_and_said_to_be() -> None:
    lines = tuple(mime.Header(name=f"X-{number}", value="v" * 500) for number in range(30))
    event = make(sent(headers=mime.Headers(lines=lines)), ORIGIN, 0.0, Wanted(event_type="Open"))
    assert event.mail.headers_truncated
    assert len(event.mail.headers) == 20


def test_a_delay_comes_without_headers_unless_asked_for() -> None:
    delay = make(sent(), ORIGIN, 0.0, Wanted(event_type="DeliveryDelay"))
    assert delay.mail.common_headers is None
    asked = Wanted(event_type="DeliveryDelay", include_headers=True)
    with_headers = make(sent(), ORIGIN, 0.0, asked)
    assert with_headers.mail.headers == (mime.Header(name="Subject", value="Hi"),)


def test_faults_happen_in_the_order_in_which_they_were_asked_for() -> None:
    waiting = Faults(lambda: 0.5)
    waiting.add(
        [
            Fault(operation="GetAccount", error="InternalFailure", count=1),
            Fault(operation="SendEmail", error="ConnectionReset", count=2),
            Fault(operation="*", error="TooManyRequestsException", probability=0.6),
            Fault(operation="*", error="MessageRejected", probability=0.4),
        ]
    )
    errors = [fault.error if (fault := waiting.next("SendEmail")) else None for _ in range(3)]
    assert errors == ["ConnectionReset", "ConnectionReset", "TooManyRequestsException"]
    assert waiting.waiting()[0].error == "InternalFailure"


def test_a_chance_that_does_not_come_lets_the_call_through() -> None:
    waiting = Faults(lambda: 0.5)
    waiting.add([Fault(operation="*", error="MessageRejected", probability=0.5)])
    assert waiting.next("SendEmail") is None


def test_a_fault_without_a_message_has_the_text_of_ses() -> None:
    (fault,) = faults.parse(b'[{"operation": "*", "error": "TooManyRequestsException", "count": 1}]')
    assert (fault.refusal().status, fault.refusal().reason) == (429, "Maximum sending rate exceeded.")


def test_the_same_recipient_twice_is_one_but_case_before_the_at_makes_two() -> None:
    named = recipients_of(["Ann <ann@x.example>", "ann@X.example", "Ann@x.example"])
    assert [address.email for address in named] == ["ann@X.example", "Ann@x.example"]
