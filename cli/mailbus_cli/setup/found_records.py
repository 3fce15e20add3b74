"""Compares a record with what DNS has, and names the usual mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from mailbus_cli.dns import Answer, Outcome
from mailbus_cli.doctor import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mailbus_cli.dns import Type
    from mailbus_cli.setup.wanted_records import Wanted

    LookUp = Callable[[str, Type], Answer]

State = Literal["there", "missing", "wrong", "unknown"]
SES = "amazonses.com"


class Found(msgspec.Struct, frozen=True):
    """What DNS has in place of a record: a text says what to change."""

    state: State
    text: str


def compare(wanted: Wanted, look_up: LookUp) -> Found:
    """Return what DNS has for a record."""
    answer = look_up(_asked(wanted.name), wanted.type)
    if answer.outcome is Outcome.FOUND:
        return _judge(wanted, answer.values)
    if not answer.known:
        return Found("unknown", answer.words)
    elsewhere = next(_doubled(wanted, look_up), None)
    if elsewhere is not None:
        name, domain = elsewhere
        entered = wanted.name.removesuffix(f".{domain}")
        return Found("wrong", f"is at {name}: the provider adds {domain}; enter only {entered}")
    other: Type = "TXT" if wanted.type == "CNAME" else "CNAME"
    beside = look_up(_asked(wanted.name), other)
    if wanted.type == "CNAME" and any(records.is_key(value) for value in beside.values):
        return Found("there", "the key itself, in a TXT record")
    if beside.outcome is Outcome.FOUND:
        return Found("wrong", f"there is a {other} record of that name; replace it")
    return Found("missing", "not there yet")


def _judge(wanted: Wanted, values: tuple[str, ...]) -> Found:
    if wanted.type == "TXT":
        return _judge_text(wanted, values)
    found = {value.lower().rstrip(".") for value in values}
    expected = wanted.value.lower()
    if expected in found:
        others = sorted(found - {expected})
        if others and wanted.type == "MX":
            return Found("wrong", f"mail also goes to {', '.join(others)}; delete that record")
        return Found("there", "")
    shown = ", ".join(sorted(found))
    if any(value.startswith(f"{expected}.") for value in found):
        return Found("wrong", f"leads to {shown}: the provider adds a domain; end the value with a dot")
    if any(value.partition(" ")[2] == expected.partition(" ")[2] != "" for value in found):
        return Found("there", f"with another number: {shown}")
    return Found("wrong", f"leads to {shown}")


def _judge_text(wanted: Wanted, values: tuple[str, ...]) -> Found:
    kind = "SPF" if wanted.value.startswith("v=spf1") else "DMARC"
    if kind == "SPF":
        same = records.spf_records(values)
        good = [value for value in same if records.includes(value, SES)]
    else:
        same = records.dmarc_records(values)
        good = [value for value in same if not records.parse_dmarc(value).fatal]
    if len(same) > 1:
        return Found("wrong", f"there are {len(same)} {kind} records, which fail; keep one")
    if good:
        return Found("there", "" if good == [wanted.value] else f"as {good[0]!r}")
    return _not_text(wanted, values, same)


def _not_text(wanted: Wanted, values: tuple[str, ...], same: Sequence[str]) -> Found:
    """Return why none of the values is the record."""
    quoted = next((value for value in values if value.strip("\"' ") == wanted.value), None)
    if quoted is not None:
        return Found("wrong", f"the quotes are part of the value {quoted}; enter it without them")
    if any("".join(value.split()) == "".join(wanted.value.split()) for value in values):
        return Found("wrong", "its pieces are joined without a space; enter the value in one piece")
    if same:
        return Found("wrong", f"is {same[0]!r}")
    return Found("missing", f"there are other TXT records only ({len(values)})")


def _doubled(wanted: Wanted, look_up: LookUp) -> Iterator[tuple[str, str]]:
    """Yield where the record is if the provider adds its zone to a whole name, and the zone."""
    labels = wanted.name.split(".")
    for start in range(1, len(labels) - 1):
        domain = ".".join(labels[start:])
        name = f"{wanted.name}.{domain}"
        if look_up(_asked(name), wanted.type).outcome is Outcome.FOUND:
            yield name, domain


def _asked(name: str) -> str:
    """Return a name that can be looked up for one that may stand for all names below a domain."""
    return name.replace("*", "any", 1) if name.startswith("*.") else name
