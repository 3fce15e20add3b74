"""What a check finds: fine, something to know, or something that stops or endangers mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["ok", "warning", "problem"]
#: From the best to the worst.
LEVELS: Final[tuple[Level, ...]] = ("ok", "warning", "problem")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A level and a text, with what to do; `record` is a DNS record or a command to copy, one a line.

    `checked` is false where there was nothing to look at, or no way to; `text` then says why.
    """

    level: Level
    text: str
    fix: str | None = None
    record: str | None = None
    checked: bool = True


class Finding(Verdict, frozen=True, kw_only=True):
    """The verdict of a check, which has a name for the command line, and one for people."""

    check: str
    title: str


def ok(text: str) -> Verdict:
    """Return that all is well."""
    return Verdict(level="ok", text=text)


def unchecked(why: str) -> Verdict:
    """Return that there was nothing to check, or no way to."""
    return Verdict(level="ok", text=f"not checked: {why}", checked=False)


def warning(text: str, *, fix: str | None = None, record: str | None = None) -> Verdict:
    """Return something to know: mail still works."""
    return Verdict(level="warning", text=text, fix=fix, record=record)


def problem(text: str, *, fix: str | None = None, record: str | None = None) -> Verdict:
    """Return something that keeps mail, or what is known of it, from arriving."""
    return Verdict(level="problem", text=text, fix=fix, record=record)


def combined(verdicts: Iterable[Verdict], *, fine: str) -> Verdict:
    """Return one verdict of several, as bad as the worst; `fine` is its text if there is nothing else to say.

    Of those that are fine only what was not checked is said.
    """
    found = [*verdicts]
    bad = [each for each in sorted(found, key=_badness, reverse=True) if each.level != "ok"]
    skipped = [each for each in found if not each.checked]
    if not bad:
        if skipped and len(skipped) == len(found):
            return skipped[0]
        return ok("; ".join([fine, *_distinct(each.text for each in skipped)]))
    return Verdict(
        level=bad[0].level,
        text="; ".join(_distinct(each.text for each in bad)),
        fix="; ".join(_distinct(each.fix for each in bad if each.fix)) or None,
        record="\n".join(_distinct(each.record for each in bad if each.record)) or None,
    )


def _badness(verdict: Verdict) -> int:
    return LEVELS.index(verdict.level)


def _distinct(texts: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(texts)]
