from __future__ import annotations

from mailbus_cli.doctor.verdict import combined, ok, problem, unchecked, warning


def test_several_verdicts_are_as_bad_as_the_worst_which_comes_first() -> None:
    verdict = combined(
        [
            ok("fine"),
            warning("late", fix="wait", record="one"),
            problem("gone", fix="create it", record="two"),
            problem("gone", fix="create it", record="three"),
        ],
        fine="all",
    )

    assert verdict.level == "problem"
    assert verdict.text == "gone; late"
    assert verdict.fix == "create it; wait"
    assert verdict.record == "two\nthree\none"


def test_what_was_not_checked_is_said_though_the_rest_is_fine() -> None:
    assert combined([ok("a"), unchecked("no DNS")], fine="signed").text == "signed; not checked: no DNS"
    assert combined([ok("a")], fine="signed").checked


def test_nothing_checked_at_all_is_not_fine() -> None:
    verdict = combined([unchecked("no key"), unchecked("no key")], fine="enabled")
    assert (verdict.text, verdict.checked) == ("not checked: no key", False)
