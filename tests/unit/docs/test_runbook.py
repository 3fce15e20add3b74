"""docs/runbook.md: each error code of a dead letter is in the one section that the commands name."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from inbound.handler import OUT_OF_TIME
from mailbus.aws.event_bus import ENTRY_AT_FAULT, NOT_TRIED, TOO_LARGE
from mailbus.errors import InvalidEvent, InvalidNotification, WiringError
from mailbus.events.error_codes import UNEXPECTED_ERROR
from mailbus.ledger.table import BUSY
from mailbus_cli import runbook
from mailbus_cli.dead_letters.consequences import words
from mailbus_cli.dead_letters.letters import Letter
from mailbus_cli.error_words import ERROR_WORDS, OTHER
from tests.unit.docs.pages import named, page
from timeline.aws.table import UNWRITTEN
from tracking.ledger_updates import NOT_WRITTEN_DOWN

JOBS, OTHERS = "Jobs that were not sent", "Messages of the other functions"
SECTIONS = {value for name, value in vars(runbook).items() if name.isupper()}
OF_FUNCTIONS = (
    *(error.__name__ for error in (WiringError, InvalidNotification, InvalidEvent)),
    *ENTRY_AT_FAULT,
    TOO_LARGE,
    BUSY,
    NOT_TRIED,
    NOT_WRITTEN_DOWN,
    OUT_OF_TIME,
    UNEXPECTED_ERROR,
    UNWRITTEN,
)
PARTS = ("**It means**:", "**Look**:", "**Do**:", "**Do not** ")


def chapter(heading: str) -> dict[str, str]:
    """The sections of a chapter by their headings."""
    _, _, rest = page("runbook.md").partition(f"\n## {heading}\n")
    text = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    titles = re.split(r"^### (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(titles[::2], titles[1::2], strict=True))


def codes_of(section: str) -> list[str]:
    return [
        code
        for line in re.findall(r"^Codes: (.*?)\.$", section, re.MULTILINE | re.DOTALL)
        for code in named(line)
    ]


def listed(heading: str) -> list[tuple[str, str]]:
    return sorted((code, title) for title, text in chapter(heading).items() for code in codes_of(text))


def letter(queue: str, lane: str | None, **attributes: str) -> Letter:
    return Letter(
        id="1", queue=queue, sent_at=datetime.now(UTC), body="{}", attributes=attributes, source="", lane=lane
    )


def test_each_code_of_a_job_is_in_the_section_that_the_commands_name() -> None:
    assert listed(JOBS) == sorted((code, said.section) for code, said in ERROR_WORDS.items())


def test_each_code_of_another_function_is_in_the_section_that_the_commands_name() -> None:
    assert listed(OTHERS) == sorted(
        (code, words(letter("tracking", None, Code=code)).section) for code in OF_FUNCTIONS
    )


def test_there_is_no_section_that_no_letter_leads_to() -> None:
    assert {*chapter(JOBS), *chapter(OTHERS)} == SECTIONS


@pytest.mark.parametrize(("queue", "lane"), [("send", "bulk"), ("tracking", None), ("timeline", None)])
def test_a_letter_that_sqs_moved_itself_has_a_section(queue: str, lane: str | None) -> None:
    assert words(letter(queue, lane)).section in chapter(JOBS)


def test_a_code_that_nobody_knows_has_a_section() -> None:
    assert words(letter("send", "bulk", Code="NewException")) is OTHER
    assert OTHER.section in chapter(JOBS)
    assert words(letter("inbound", None, Code="KMSInternalException")).section in chapter(OTHERS)


@pytest.mark.parametrize("heading", ["Alarms", JOBS, OTHERS])
def test_each_section_says_what_it_means_where_to_look_what_to_do_and_what_not(heading: str) -> None:
    for title, text in chapter(heading).items():
        assert [text.count(part) for part in PARTS] == [1, 1, 1, 1], title
        assert text.index("**Look**") < text.index("```sh\nmailbus ") < text.index("**Do**"), title
