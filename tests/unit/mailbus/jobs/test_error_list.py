from __future__ import annotations

import pytest

from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.jobs.error_list import ErrorList


def listed(*errors: InvalidJob) -> InvalidJob:
    found = ErrorList()
    for error in errors:
        found.add(error)
    with pytest.raises(InvalidJob) as refused:
        found.raise_all()
    return refused.value


def wrong(index: int, reason: str = "has no @") -> InvalidJob:
    return InvalidJob(f"$.to[{index}]", reason)


def test_without_errors_nothing_is_raised() -> None:
    found = ErrorList()
    found.raise_all()
    assert not found


def test_one_error_is_raised_as_it_is() -> None:
    error = UnsupportedFeature("$.to", "to", "is empty")
    assert listed(error) is error


def test_several_errors_are_one_at_the_path_of_the_first() -> None:
    error = listed(wrong(0), wrong(2, "is a group"))
    assert (error.path, str(error)) == ("$.to[0]", "$.to[0]: has no @; $.to[2]: is a group")


def test_a_feature_stays_named_if_it_comes_first() -> None:
    error = listed(UnsupportedFeature("$.headers", "headers", "has 16"), wrong(1))
    assert isinstance(error, UnsupportedFeature)
    assert (error.feature, error.reason) == ("headers", "has 16; $.to[1]: has no @")


def test_ten_errors_are_named_and_the_others_counted() -> None:
    reason = listed(*(wrong(index) for index in range(47))).reason
    assert reason.endswith("$.to[9]: has no @; and 37 more")
    assert reason.count("$.to[") == 9


def test_what_is_named_fits_into_an_event() -> None:
    error = listed(*(wrong(index, "x" * 300) for index in range(1000)))
    assert str(error).endswith("; and 998 more")
    assert len(str(error)) < 1000
    assert str(listed(wrong(0, "x" * 2000), wrong(1))).endswith("x; and 1 more")
