from __future__ import annotations

from mailbus.spelling import nearest


def test_the_most_similar_name_is_the_one_that_was_meant() -> None:
    assert nearest("subjet", ["object", "subject", "sub"]) == "subject"


def test_nothing_is_meant_by_a_name_that_is_like_no_other() -> None:
    assert nearest("xyz", ["subject"]) is None
    assert nearest("job", ["job_identifier"], cutoff=0.9) is None
