from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from mailbus_cli.dns import Answer, Outcome, Type
from mailbus_cli.setup.found_records import Found
from mailbus_cli.setup.wanted_records import Wanted
from mailbus_cli.setup.watch import SECONDS, shown, watch

if TYPE_CHECKING:
    import pytest

FIRST = Wanted(name="a._domainkey.shop.test", type="CNAME", value="a.dkim.amazonses.com")
SECOND = Wanted(name="in.shop.test", type="MX", value="10 inbound-smtp.eu-west-1.amazonaws.com")


def test_where_it_is_no_terminal_each_change_is_a_line_until_all_are_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    values: dict[str, tuple[str, ...]] = {FIRST.name: (FIRST.value,)}
    waits: list[float] = []

    def look_up(name: str, record_type: Type) -> Answer:
        found = values.get(name, ()) if record_type != "TXT" else ()
        outcome = Outcome.FOUND if found else Outcome.NO_NAME
        return Answer(name=name, type=record_type, outcome=outcome, values=found)

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            values[SECOND.name] = (SECOND.value,)

    watch((FIRST, SECOND), look_up, wait=wait)
    assert waits == [SECONDS] * 2
    assert capsys.readouterr().out.splitlines() == [
        "there\ta._domainkey.shop.test\tCNAME\t",
        "missing\tin.shop.test\tMX\tnot there yet",
        "there\tin.shop.test\tMX\t",
    ]


def test_a_value_is_shown_until_it_is_there_and_never_cut_in_a_narrow_terminal() -> None:
    console = Console(width=40, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(shown((FIRST, SECOND), (Found("there", ""), Found("wrong", "leads to 5 mx.old.test"))))
    text = capture.get()
    assert "✓" in text
    assert "a.dkim" not in text
    assert "10inbound-smtp.eu-west-1.amazonaws.com" in "".join(text.split())
    assert "leads to 5 mx.old.test" in text
    assert max(len(line) for line in text.splitlines()) <= 40
