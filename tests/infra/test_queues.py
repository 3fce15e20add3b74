"""The queues, and how functions read them."""

from __future__ import annotations

import pytest

from tests.infra.templates import (
    Templates,
    denies_plain_connections,
)


def test_every_queue_is_encrypted_and_refuses_plain_connections(prod: Templates) -> None:
    for queue in prod.of_type("AWS::SQS::Queue"):
        assert queue.properties["SqsManagedSseEnabled"] is True
        (policy,) = [
            policy
            for policy in prod.of_type("AWS::SQS::QueuePolicy")
            if policy.properties["Queues"] == [{"Ref": queue.logical_id}]
        ]
        assert denies_plain_connections(policy, {"AWS": "*"}, "sqs:*")


def test_every_hop_has_a_dead_letter_queue(prod: Templates) -> None:
    redrives = {
        resource.path: prod.text(resource.stack, resource.properties["RedrivePolicy"]["deadLetterTargetArn"])
        for kind in ("AWS::SQS::Queue", "AWS::SNS::Subscription")
        for resource in prod.of_type(kind)
        if not resource.path.endswith("DeadLetters/Queue")
    }
    assert len(redrives) == 8
    for path, target in redrives.items():
        flow = "/".join(path.split("/")[:2])
        assert target == f"<{flow}/DeadLetters/Queue>"


def test_a_job_whose_workers_die_is_dead_lettered_after_a_night(prod: Templates) -> None:
    receives = {
        queue.path: queue.properties["RedrivePolicy"]["maxReceiveCount"]
        for queue in prod.of_type("AWS::SQS::Queue")
        if "RedrivePolicy" in queue.properties
    }
    assert receives == {
        "Mail/Sending/Transactional/Queue": 480,
        "Mail/Sending/Bulk/Queue": 480,
        "Mail/Tracking/Work/Queue": 100,
        "Mail/Inbound/Work/Queue": 10,
        "Mail/Timeline/Work/Queue": 10,
    }


def test_an_event_that_eventbridge_cannot_deliver_is_kept_beside_those_that_are_not_written(
    prod: Templates,
) -> None:
    rule = prod.one("AWS::Events::Rule", "Timeline")
    assert rule.properties["EventPattern"] == {"source": ["mailbus"], "detail-type": [{"prefix": "email."}]}
    (target,) = rule.properties["Targets"]
    assert prod.text("mail", target["Arn"]) == "<Mail/Timeline/Work/Queue>"
    assert prod.text("mail", target["DeadLetterConfig"]["Arn"]) == "<Mail/Timeline/DeadLetters/Queue>"


@pytest.mark.parametrize("flow", ["Inbound", "Timeline"])
def test_what_a_function_has_stays_invisible_for_six_timeouts_and_the_window(
    prod: Templates, flow: str
) -> None:
    timeout, window, invisible = _timing(prod, flow)
    assert invisible == 6 * timeout + window


def test_a_report_whose_worker_died_is_delivered_again_a_second_after_the_timeout(prod: Templates) -> None:
    timeout, window, invisible = _timing(prod, "Tracking")
    assert invisible == timeout + window + 1 == 22


def test_a_job_whose_worker_died_is_delivered_again_half_a_minute_after_the_timeout(
    prod: Templates,
) -> None:
    for lane, gathering in (("Transactional", 0), ("Bulk", 0)):
        timeout, window, invisible = _timing(prod, f"Sender/{lane}")
        assert window == gathering
        assert invisible == timeout + window + 30


def test_every_source_reports_single_failures_and_bounds_its_workers(prod: Templates) -> None:
    mappings = prod.of_type("AWS::Lambda::EventSourceMapping")
    assert len(mappings) == 5
    for mapping in mappings:
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping.properties["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_events_are_tracked_in_batches_of_a_hundred_within_a_second(prod: Templates) -> None:
    mapping = prod.one("AWS::Lambda::EventSourceMapping", "Tracking")
    assert mapping.properties["BatchSize"] == 100
    assert mapping.properties["MaximumBatchingWindowInSeconds"] == 1


def test_a_batch_of_more_than_ten_gathers_for_a_second_at_least(prod: Templates) -> None:
    # Lambda requires it.
    for mapping in prod.of_type("AWS::Lambda::EventSourceMapping"):
        if mapping.properties["BatchSize"] > 10:
            assert mapping.properties["MaximumBatchingWindowInSeconds"] >= 1


def test_mail_of_forty_megabytes_has_memory_and_time(prod: Templates) -> None:
    inbound = prod.one("AWS::Lambda::Function", "Inbound/Reader").properties
    assert inbound["MemorySize"] >= 512
    assert inbound["Timeout"] >= 30


def test_tracking_has_the_workers_of_its_rate_and_on_a_laptop_three_processes(
    prod: Templates, local: Templates
) -> None:
    workers = [
        templates.one("AWS::Lambda::EventSourceMapping", "Tracking").properties["ScalingConfig"]
        for templates in (prod, local)
    ]
    assert [each["MaximumConcurrency"] for each in workers] == [2, 3]


def _timing(templates: Templates, path: str) -> tuple[int, int, int]:
    """Return the seconds of a source: the function's timeout, the batch's window, the visibility timeout."""
    mapping = templates.one("AWS::Lambda::EventSourceMapping", path)
    function = templates.referred(mapping, mapping.properties["FunctionName"])
    queue = templates.referred(mapping, mapping.properties["EventSourceArn"])
    return (
        function.properties["Timeout"],
        mapping.properties["MaximumBatchingWindowInSeconds"],
        queue.properties["VisibilityTimeout"],
    )
