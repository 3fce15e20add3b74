"""A check of the doctor."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailbus_cli.doctor.facts import Facts
from mailbus_cli.doctor.verdict import Verdict


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A check: `name` is for the command line, `title` for people; `rights` are the actions that it calls.

    `run` reads facts and returns what it makes of them. It may raise botocore's errors.
    """

    name: str
    title: str
    rights: tuple[str, ...] = ()
    run: Callable[[Facts], Verdict]
