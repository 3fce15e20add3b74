"""What the benchmarks compare, without measuring it."""

from __future__ import annotations

import re

import pytest

from bench.__main__ import line
from bench.comparisons import cold_start, inbound, latency
from bench.results import Goal, result
from bench.support import mails
from tests.architecture.source_tree import ROOT


def test_the_start_of_each_function_of_the_package_is_measured() -> None:
    handlers = [
        path
        for path in (ROOT / "functions").glob("*/*.py")
        if re.search(r"^def lambda_handler", path.read_text(), re.MULTILINE)
    ]
    assert {module for module, _ in cold_start.FUNCTIONS.values()} == {
        f"{path.parent.name}.{path.stem}" for path in handlers
    }


@pytest.mark.parametrize(
    ("detail", "key"),
    [
        ({"event_type": "delivered", "message_id": "own-1", "recipient": "jane@example.net"}, "own-1"),
        ({"event_type": "inbound", "message": {"subject": "own-2"}, "message_id": "4s8m1b2c3d"}, "own-2"),
        ({"eventType": "Delivery", "mail": {"messageId": "bare-1"}}, "bare-1"),
        ({"notificationType": "Received", "mail": {"messageId": "bare-2"}}, "bare-2"),
    ],
)
def test_an_event_on_the_bus_is_found_by_the_key_of_its_message(detail: dict[str, object], key: str) -> None:
    assert latency._key(detail) == key  # noqa: SLF001 - a part of a measurement


@pytest.mark.parametrize("shape", inbound.SHAPES)
def test_a_measured_mail_has_its_size_and_different_attachments(shape: str) -> None:
    mail = mails.mail(1_000_000, inbound.SHAPES[shape])
    parts = mail.split(mails.BOUNDARY.encode())[3:-1]
    assert len(mail) == pytest.approx(1_000_000, rel=0.02)
    assert len(set(parts)) == len(inbound.SHAPES[shape])


def test_a_result_is_printed_beside_its_baseline_and_its_goal() -> None:
    found = result(
        "a mail", ("sender", 5.0), ("boto3", 55.0), unit="ms", goal=Goal(of="ratio", at_most=1 / 16)
    )
    assert line(found) == "a mail: 5.00 ms sender, 55.0 ms boto3, ratio 1/11.0, goal ≤ 1/16: missed"


def test_a_result_without_a_goal_is_printed_without_one() -> None:
    found = result("a mail", ("sender", 5.0), ("boto3", 4.0), unit="ms")
    assert line(found) == "a mail: 5.00 ms sender, 4.00 ms boto3, ratio 1.25"
