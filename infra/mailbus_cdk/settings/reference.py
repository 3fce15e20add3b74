"""The page of the settings' reference, made of the structs that define them: `docs/settings.md`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final, cast

import msgspec
from msgspec import inspect as shapes

from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_cdk.settings.section import Section
from mailbus_cdk.settings.stage import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# No table has these: they are of the command line, or have a section of their own.
_NOT_A_ROW: Final = {"stage"}
_INTRODUCTION: Final = """\
# Settings

<!-- Written by `make schemas` from infra/mailbus_cdk/settings. -->

A deployment reads its settings from `mailbus.toml`, which has those of all stages. Keys at its top are for
every stage; a table `[stages.<name>]` overrides them for one. Tables are merged one level deep:
`[stages.prod.retention]` with one key keeps the others. A stage exists if it has its table. A stage's name is
1 to 24 of `a-z 0-9 -`, beginning with a letter; `local` is the stage of the embedded AWS, whose stored data
is deleted with it.

An error is one line that names the key and suggests the nearest valid one:

```text
mailbus.toml: [retention] raw_day: is unknown; did you mean 'raw_days'?
```

Access keys in the file are refused: AWS tools take credentials from the environment.

In Python, each table is a class with its keys as keywords:
`Settings(stage="prod", …, retention=Retention(raw_days=90))`.

Other values are constants, with their reasons, in `mailbus_cdk/limits.py` and next to the resource that uses
them: memory, timeouts, batches, and how long large jobs (30 days) and SES's JSON of large events (90 days)
are kept.
"""
_HEADING: Final = "| key | type | default | |\n| --- | --- | --- | --- |\n"
# Where a page says more of a setting.
MORE: Final[Mapping[str, str]] = {
    "region": "stacks.md#regions",
    "hosted_zone_id": "deploy.md#next-steps",
    "other_identities": "identities.md#other-identities-and-configuration-sets",
    "sandbox_recipients": "account.md#5-the-first-mail-5-minutes",
    "other_configuration_sets": "identities.md#other-identities-and-configuration-sets",
    "message_tag_name": "job.md#tags-and-metadata",
    "metadata_in_headers": "job.md#tags-and-metadata",
    "send_defaults": "job.md#send_defaults",
    "source_buckets": "identities.md#buckets-that-jobs-refer-to",
    "max_attempts": "limits.md#what-waits-and-how-long",
    "expected_rate": "quotas.md",
    "reserve_concurrency": "limits.md#lambdas-concurrency",
    "tracking.max_concurrency": "limits.md#workers-of-events",
    "timeline.max_concurrency": "limits.md#workers-of-events",
    "inbound.max_concurrency": "limits.md#lambdas-concurrency",
    "retention.event_archive_days": "subscribing.md#replay",
    "events.entry_bytes": "events.md#large-events",
    "events.sent": "cost.md#what-each-guarantee-costs",
    "events.accounts": "subscribing.md#other-accounts",
    "events.organization": "subscribing.md#other-accounts",
    "sender.on_unknown": "limits.md#doubt",
    "sender.doubt_seconds": "limits.md#the-limits-of-once",
    "sender.ledger_days": "job.md#job_id",
    "sender.merge_by": "limits.md#calls-of-sendbulkemail",
    "transactional.max_concurrency": "limits.md#workers-by-rate",
    "bulk.max_concurrency": "limits.md#workers-by-rate",
    "bulk.share": "limits.md#pacing",
    "tracking.custom_redirect_domain": "deploy.md#tracked-links-with-a-domain-of-your-own",
    "tracking.notified_identities": "subscribing.md#notifications-on-an-identity",
    "timeline.days": "timeline.md",
    "alarms.dashboard": "monitoring.md#the-dashboard",
    "inbound.domains": "receiving.md#receiving-domains",
    "inbound.rules": "receiving.md#receipt-rules",
    "inbound.rule_set_name": "receiving.md#stages-that-share-a-receipt-rule-set",
    "inbound.encrypt": "receiving.md#encrypted-mail",
    "inbound.displace_active_rule_set": "receiving.md#setup",
    "inbound.rules.action": "receiving.md#mail-that-is-refused",
    "webhook.topic_arns": "webhook.md",
    "webhook.confirm_subscriptions": "webhook.md#confirming-manually",
    "webhook.requests_a_second": "webhook.md#limits",
    "guard.enabled": "guard.md",
    "alarms.topic_arn": "runbook.md#alarms",
    "session_params.role_arn": "identities.md#ses-of-another-account-or-region",
}


def page() -> str:
    """Return the text of the page."""
    return "\n".join((_INTRODUCTION, *_sections()))


def rows(section: type[Section], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield the key of each setting of a section with its type, its default and its description."""
    described = cast("shapes.StructType", shapes.type_info(section))
    for field in described.fields:
        if isinstance(field.type, shapes.StructType) or field.name in _NOT_A_ROW:
            continue
        more = MORE.get(f"{prefix}{field.name}")
        text = description(field.type)
        yield field.name, _type(field.type), _default(field), f"{text} [More]({more})" if more else text


def description(kind: shapes.Type) -> str:
    """Return the description of a setting, whose first sentence is also the comment of `mailbus.toml`."""
    extra = kind.extra_json_schema if isinstance(kind, shapes.Metadata) else None
    return str((extra or {})["description"])


def _sections() -> Iterator[str]:
    yield f"## Of the stage\n\n{_table(Settings)}"
    for field in msgspec.structs.fields(Settings):
        if isinstance(field.default, Section):
            section = type(field.default)
            yield f"## `[{field.name}]`\n\n{inspect.getdoc(section)}\n\n{_table(section, f'{field.name}.')}"
            if section is Inbound:
                yield f"## `[[inbound.rules]]`\n\n{inspect.getdoc(Rule)}\n\n{_table(Rule, 'inbound.rules.')}"


def _table(section: type[Section], prefix: str = "") -> str:
    lines = (f"| `{key}` | {' | '.join(cells)} |\n" for key, *cells in rows(section, prefix))
    return _HEADING + "".join(lines)


def _default(field: shapes.Field) -> str:
    if field.required:
        return "required"
    if field.default in {None, ()} or field.default is msgspec.NODEFAULT:
        return "none"
    return f"`{msgspec.json.encode(field.default).decode()}`"


def _type(kind: shapes.Type) -> str:
    """Return a type with its limits, in the words of the errors."""
    kind, reason = _plain(kind)
    match kind:
        case shapes.VarTupleType():
            item = _type(kind.item_type)
            written = "list of tables" if item == "table" else f"list, each {item}"
        case shapes.LiteralType():
            written = ", ".join(f"`{msgspec.json.encode(value).decode()}`" for value in kind.values)
        case shapes.IntType():
            written = f"integer, {_bounds(kind)}"
        case shapes.FloatType():
            written = f"number, {_bounds(kind)}"
        case shapes.StrType():
            written = reason.removeprefix("must be ")
        case shapes.BoolType():
            written = "boolean"
        case _:
            written = "table"
    return written


def _plain(kind: shapes.Type) -> tuple[shapes.Type, str]:
    """Return a type without what describes it and without null, and what an error says that it must be."""
    reason = ""
    while isinstance(kind, shapes.Metadata | shapes.UnionType):
        if isinstance(kind, shapes.Metadata):
            reason = (kind.extra or {}).get("reason", reason)
            kind = kind.type
        else:
            kind = next(one for one in kind.types if not isinstance(one, shapes.NoneType))
    return kind, reason


def _bounds(kind: shapes.IntType | shapes.FloatType) -> str:
    if kind.gt is not None:
        return f"above {kind.gt} to {kind.le}"
    return f"{kind.ge} to {kind.le}" if kind.ge is not None else f"at most {kind.le}"
