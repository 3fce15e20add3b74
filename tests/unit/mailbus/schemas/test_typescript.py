"""The TypeScript declarations, compiled with what applications may and may not write."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, get_args

import pytest

from mailbus.events import EventType, LaneEventType
from mailbus.schemas.typescript import declarations
from tests.unit.mailbus.whole_events import golden_details, whole
from tests.unit.node_example import ROOT, tsc

if TYPE_CHECKING:
    from pathlib import Path

STRICT = {
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "noEmit": True,
    "target": "es2023",
    "module": "nodenext",
    "types": [],
}
IMPORT = (
    'import type { Bot, EmailEvent, EventDetail, MailbusEvent, RejectReason, SendJob } from "./mailbus.js";\n'
)
EVENT_TYPES = get_args(EventType) + get_args(LaneEventType)
EVENTS = [(f"{name}-{number}", detail) for number, (name, detail) in enumerate(golden_details())]
EXAMPLE_JOBS = sorted((ROOT / "examples" / "jobs").rglob("*.json"))


def job(text: str) -> str:
    return f"export const job: SendJob = {text};"


def event(text: str) -> str:
    return f"export function consume(event: MailbusEvent): unknown {{ {text} }}"


COMPILES = {
    "an empty job, since the deployment may have defaults": job("{}"),
    "addresses as a text": job('{ from_email: "a@example.com", to: "b@example.org", text: "" }'),
    "addresses that do not change": (
        'const to = ["b@example.org", "c@example.org"] as const;\n' + job("{ to, cc: to, bcc: [...to] }")
    ),
    "null for what is absent": job(
        "{ schema_version: null, job_id: null, to: null, attachments: null, headers: null, send_at: null }"
    ),
    "times as texts and numbers": job("{ send_at: 1_900_000_000, expires_at: new Date().toISOString() }"),
    "metadata of scalars": job('{ metadata: { order: 17, paid: true, note: null, code: "x" } }'),
    "template data of any depth": job(
        '{ merge_data: { "b@example.org": { items: [{ name: "tea", price: 2.5 }] } }, merge_global_data: {} }'
    ),
    "an attachment in S3 without a version": job(
        '{ attachments: [{ filename: "a.pdf", s3: { bucket: "files", key: "a.pdf" } }] }'
    ),
    "parameters of SES": job(
        '{ esp_extra: { TenantName: "shop", ListManagementOptions: { TopicName: "a" } } }'
    ),
    "details by the event type": event(
        'switch (event.detail.event_type) { case "bounced": return event.detail.bounce.type;'
        ' case "inbound": return event.detail.message.from_email[0]?.address;'
        ' case "queued": return event.detail.job_id.length; default: return event.detail.event_id; }'
    ),
    "details by the detail type": event(
        'if (event["detail-type"] === "email.delivered") return event.detail.delivery.processing_ms;'
        ' return event["replay-name"];'
    ),
    "every event type": (
        "export function name(detail: EventDetail): string { switch (detail.event_type) {"
        + "".join(
            f'case "{name}": return "{name}";' for name in get_args(EventType) + get_args(LaneEventType)
        )
        + "} }"
    ),
    "a function for events of sent mail": (
        "export const shown = (event: EmailEvent): (string | null)[] => [event.recipient, event.click_url];\n"
        + event('return event.detail.event_type === "clicked" ? shown(event.detail) : undefined;')
    ),
    "reasons and bots": (
        "export const reasons: Record<RejectReason, boolean> = { invalid: false, bounced: true,"
        " timed_out: false, blocked: true, spam: true, unsubscribed: false, other: false };\n"
        'export const bots: Bot[] = ["likely", "unlikely"];'
    ),
    "SES's own JSON": event(
        'return event.detail.event_type === "unknown" ? event.detail.esp_event?.["eventType"] : undefined;'
    ),
}
# with the number of the compiler's error
REFUSED = {
    "a misspelled field": (job('{ subjet: "Hello" }'), "TS2561"),
    "an unknown field": (job('{ colour: "red" }'), "TS2353"),
    "a number for a text": (job("{ subject: 17 }"), "TS2322"),
    "another version": (job("{ schema_version: 2 }"), "TS2322"),
    "an address as an object": (job('{ to: [{ address: "b@example.org" }] }'), "TS2322"),
    "metadata of objects": (job("{ metadata: { order: { id: 17 } } }"), "TS2322"),
    "merge data that is not by recipient": (job('{ merge_data: { name: "Ann" } }'), "TS2322"),
    "a header that is a number": (job('{ headers: { "X-Order": 17 } }'), "TS2322"),
    "a time as a date": (job("{ send_at: new Date() }"), "TS2322"),
    "a file without its key": (job('{ attachments: [{ s3: { bucket: "files" } }] }'), "TS2741"),
    "an unknown disposition": (job('{ attachments: [{ disposition: "hidden" }] }'), "TS2322"),
    "a misspelled field of an event": (event("return event.detail.event_ids;"), "TS2551"),
    "a detail type that does not exist": (event('return event["detail-type"] === "email.bounce";'), "TS2367"),
    "an event type that does not exist": (event('return event.detail.event_type === "bounce";'), "TS2367"),
    "a reason that does not exist": (
        event('return event.detail.event_type === "bounced" && event.detail.reject_reason === "full";'),
        "TS2367",
    ),
    "a bounce of an event that may have none": (
        event('return event.detail.event_type === "delivered" && event.detail.bounce.type;'),
        "TS18047",
    ),
    "a recipient that may be null": (
        event('return event.detail.event_type === "delivered" && event.detail.recipient.length;'),
        "TS18047",
    ),
    "a field of the other kind of events": (
        event('return event.detail.event_type === "inbound" && event.detail.recipient;'),
        "TS2339",
    ),
    "a switch that forgets event types": (
        'export function f(detail: EventDetail): 1 { switch (detail.event_type) { case "sent": return 1; } }',
        "TS2366",
    ),
    "an event that lacks a field": (
        'export const event: MailbusEvent["detail"] = { event_type: "sent", schema_version: 1 } as const;',
        "TS2322",
    ),
}
SOURCES = {
    **{f"compiles {name}": code for name, code in COMPILES.items()},
    **{f"refused {name}": code for name, (code, _) in REFUSED.items()},
    **{f"job {path.stem}": job(path.read_text(encoding="utf-8")) for path in EXAMPLE_JOBS},
    **{
        f"event {name}": f"export const event: MailbusEvent = {json.dumps(whole(detail))};"
        for name, detail in EVENTS
    },
}


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The errors in each source, compiled together since the compiler takes seconds to begin."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "mailbus.d.ts").write_text(declarations(), encoding="utf-8")
    (folder / "package.json").write_text('{ "type": "module" }')
    names = {f"source{number}.ts": name for number, name in enumerate(SOURCES)}
    for file, name in names.items():
        (folder / file).write_text(IMPORT + SOURCES[name], encoding="utf-8")
    options: dict[str, Any] = {"compilerOptions": STRICT, "include": ["."]}
    (folder / "tsconfig.json").write_text(json.dumps(options))
    ran = tsc("--project", str(folder), "--pretty", "false")
    found: dict[str, list[str]] = defaultdict(list)
    for line in ran.stdout.splitlines():
        if reported := re.match(r"(?:.*/)?(\S+\.ts)\(\d+,\d+\): error (.*)", line):
            found[names.get(reported[1], reported[1])].append(reported[2])
        else:
            assert line.startswith(" "), ran.stdout[:2000]
    return found


def test_the_declarations_themselves_compile(errors: dict[str, list[str]]) -> None:
    assert errors.get("mailbus.d.ts") is None


@pytest.mark.parametrize("name", COMPILES)
def test_an_application_may_write(errors: dict[str, list[str]], name: str) -> None:
    assert errors.get(f"compiles {name}") is None


@pytest.mark.parametrize("name", REFUSED)
def test_the_compiler_refuses(errors: dict[str, list[str]], name: str) -> None:
    (error,) = errors.get(f"refused {name}", ["compiled"])
    assert error.partition(":")[0] == REFUSED[name][1], error


@pytest.mark.parametrize("path", EXAMPLE_JOBS, ids=lambda path: path.stem)
def test_an_example_of_a_job_is_one_by_its_declaration(errors: dict[str, list[str]], path: Path) -> None:
    found = [error.partition(":")[0] for error in errors.get(f"job {path.stem}", [])]
    # it has a misspelled field
    assert found == (["TS2353"] if path.stem == "invalid" else [])


def test_the_events_of_other_tests_are_as_declared_with_no_other_field(errors: dict[str, list[str]]) -> None:
    assert len(EVENTS) > 50
    assert {name: found for name, found in errors.items() if name.startswith("event ")} == {}
