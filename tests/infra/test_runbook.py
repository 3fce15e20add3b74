"""docs/runbook.md: a section for each alarm of the templates, where its description leads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.infra.aws_commands import commands, wrong
from tests.unit.docs.pages import page

if TYPE_CHECKING:
    from tests.infra.templates import Templates

ALARM = "AWS::CloudWatch::Alarm"


def sections() -> list[str]:
    alarms = page("runbook.md").partition("\n## Alarms\n")[2].partition("\n## ")[0]
    return re.findall(r"^### (.+)$", alarms, re.MULTILINE)


def test_each_alarm_has_a_section_and_each_section_an_alarm(local: Templates) -> None:
    assert sorted(sections()) == sorted(alarm.path.rpartition("/")[2] for alarm in local.of_type(ALARM))


def test_an_alarm_names_its_section(local: Templates) -> None:
    for alarm in local.of_type(ALARM):
        said = re.search(r"What to do: (\w+) in docs/runbook\.md$", alarm.properties["AlarmDescription"])
        assert said is not None, alarm.path
        assert said[1] in sections()


def test_the_first_page_leads_to_each_section() -> None:
    first = page("runbook.md").partition("\n## ")[0]
    assert sorted(re.findall(r"\[(\w+)\]\(#\w+\)", first)) == sorted(sections())


def test_aws_has_the_commands_of_the_page() -> None:
    found = commands(page("runbook.md"))
    assert len(found) > 3
    assert [reason for command in found if (reason := wrong(command))] == []
