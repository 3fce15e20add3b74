from __future__ import annotations

import threading

import boto3
import pytest

from mailbus_cli.deployment import Deployment
from mailbus_cli.doctor.facts import Facts


def _facts(**outputs: str) -> Facts:
    session = boto3.Session(region_name="eu-west-1")
    return Facts(Deployment(stage="prod", session=session, outputs=outputs), None)


def test_a_fact_is_read_once_by_however_many_checks() -> None:
    facts = _facts()
    began, end = threading.Event(), threading.Event()
    reads: list[str] = []
    answers: list[str] = []

    def read() -> str:
        reads.append("read")
        began.set()
        end.wait(10)
        return "fact"

    threads = [threading.Thread(target=lambda: answers.append(facts.once("key", read))) for _ in range(5)]
    for thread in threads:
        thread.start()
    began.wait(10)
    end.set()
    for thread in threads:
        thread.join()

    assert answers == ["fact"] * 5
    assert reads == ["read"]


def test_an_error_is_of_every_check_that_asks() -> None:
    facts = _facts()
    reads: list[str] = []

    def read() -> str:
        reads.append("read")
        reason = "no"
        raise OSError(reason)

    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            facts.once("key", read)
    assert reads == ["read"]


def test_the_identities_are_those_of_this_account_and_not_too_many() -> None:
    others = ",".join(["arn:aws:ses:eu-west-1:444455556666:identity/x.org", *(f"{n}.net" for n in range(20))])
    facts = _facts(Identity="example.com", OtherIdentities=others)
    assert facts.identities == ["example.com", *(f"{n}.net" for n in range(7))]


def test_numbered_outputs_are_in_order() -> None:
    facts = _facts(MxRecord10="c", MxRecord2="b", MxRecord1="a", MxRecordX="no")
    assert facts.numbered("MxRecord") == ["a", "b", "c"]


def test_both_lanes_share_their_dead_letters() -> None:
    facts = _facts(
        SendQueueUrl="https://send", BulkQueueUrl="https://bulk", SendDeadLetterQueueUrl="https://dead"
    )
    assert [queue.name for queue in facts.work_queues] == ["transactional", "bulk"]
    assert facts.dead_letter_queues == {"send": "https://dead"}


def test_ses_elsewhere_is_known_by_its_outputs() -> None:
    assert (_facts().ses_region, _facts().ses_role) == ("eu-west-1", None)
    elsewhere = _facts(SesRegion="us-east-1", SesRoleArn="arn:aws:iam::444455556666:role/send")
    assert (elsewhere.ses_region, elsewhere.ses_role) == (
        "us-east-1",
        "arn:aws:iam::444455556666:role/send",
    )
