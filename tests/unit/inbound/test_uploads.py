"""Parts are stored side by side in bounded memory, and a mail with a part that is not stored fails."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from inbound import mime, uploads
from inbound.handler import process
from inbound.parts import store
from inbound.uploads import BYTES_IN_FLIGHT, WORKERS, Uploads
from mailbus.aws import sessions
from tests.unit.fakes.s3 import FakeS3
from tests.unit.inbound.world import BUCKET, FOLDER, World, bucket_in, received, record

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = b"From: ada@example.org\nSubject: measurements\nContent-Type: multipart/mixed; boundary=b\n"
FILE = b"\n--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename=%d.csv\n\n"


def with_files(*contents: bytes) -> bytes:
    files = b"".join(FILE % number + content for number, content in enumerate(contents, start=1))
    return HEAD + files + b"\n--b--\n"


def key(number: int) -> str:
    return f"{FOLDER}{number}-{number}.csv"


class SlowS3(FakeS3):
    """S3 in which writes wait until `together` of them are in flight, or until none begins for 5 s.

    `bytes_at_once` has the bytes in flight whenever one began.
    """

    def __init__(self, together: int) -> None:
        super().__init__()
        self.together = threading.Barrier(together)
        self.lock = threading.Lock()
        self.in_flight = 0
        self.bytes_at_once: list[int] = []

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803 - AWS's names
        with self.lock:
            self.in_flight += len(Body)
            self.bytes_at_once.append(self.in_flight)
        with contextlib.suppress(threading.BrokenBarrierError):
            self.together.wait(timeout=5)
        with self.lock:
            self.in_flight -= len(Body)
            super().put_object(Bucket=BUCKET, Key=Key, Body=Body)


def stored(raw: bytes, s3: FakeS3) -> list[tuple[str | None, str, int]]:
    parts = store(raw, mime.parse(raw), bucket_in(s3), FOLDER)
    return [(part.filename, part.s3.key, part.size) for part in parts.attachments]


def test_all_workers_write_at_once_and_parts_are_listed_in_order() -> None:
    raw = with_files(*(b"x" * number for number in range(1, 2 * WORKERS + 1)))
    s3 = SlowS3(together=WORKERS)  # none ends before so many have begun
    assert stored(raw, s3) == [(f"{number}.csv", key(number), number) for number in range(1, 2 * WORKERS + 1)]
    assert not s3.together.broken
    assert {path: len(content) for (_, path), content in s3.objects.items()} == {
        key(number): number for number in range(1, 2 * WORKERS + 1)
    }


def test_no_more_bytes_are_in_flight_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "BYTES_IN_FLIGHT", 1000)
    s3 = SlowS3(together=2)
    stored(with_files(*[b"x" * 500] * 10), s3)
    assert max(s3.bytes_at_once) == 1000


def test_a_part_larger_than_the_memory_limit_is_written_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "BYTES_IN_FLIGHT", 1000)
    s3 = SlowS3(together=1)
    assert len(stored(with_files(b"x" * 10, b"y" * 5000, b"z" * 10), s3)) == 3
    assert s3.bytes_at_once[1] == 5000


def test_the_pool_of_boto3_is_as_large_as_that_of_the_workers() -> None:
    config: Any = sessions.config(max_attempts=1)
    assert config.max_pool_connections >= WORKERS


def test_uploads_in_flight_use_a_small_share_of_the_functions_memory() -> None:
    # boto3 copies what it sends; the least memory of a function that takes 40 MB is 512 MB
    assert 2 * BYTES_IN_FLIGHT < 512 * 1024 * 1024 // 8


@pytest.mark.parametrize("broken", [1, 7, 30])
def test_a_part_that_is_not_stored_fails_its_mail_and_nothing_more_is_written(broken: int) -> None:
    before = set(threading.enumerate())
    s3 = FakeS3(refused={key(broken): "SlowDown"})
    with pytest.raises(ClientError, match="SlowDown"):
        stored(with_files(*[b"x"] * 300), s3)
    written = len(s3.writes)
    assert written < broken + 3 * WORKERS
    assert set(threading.enumerate()) <= before
    assert len(s3.writes) == written


def test_a_mail_with_a_part_that_is_not_stored_is_retried_and_then_has_one_event() -> None:
    world = World(with_files(*[b"x,y"] * 40))
    world.s3.refused = {key(17): "InternalError"}
    first = record(received())
    assert process([first], world.wiring) == (first,)
    assert (world.events.taken, world.sqs.sent) == ([], [])
    world.s3.refused = {}
    assert process([record(received(), receive_count=2)], world.wiring) == ()
    assert [part["s3"]["key"] for part in world.detail["message"]["attachments"]] == [
        key(number) for number in range(1, 41)
    ]


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda _: None, id="at the end"),
        pytest.param(lambda block: block.wait_for_memory(BYTES_IN_FLIGHT), id="in the next call"),
    ],
)
def test_the_error_of_an_upload_is_raised(leave: Callable[[Uploads], None]) -> None:
    bucket = bucket_in(FakeS3(refused={"parts/1": "AccessDenied"}))

    def written() -> None:
        with Uploads(bucket) as block:
            block.begin("parts/1", b"x")
            leave(block)

    with pytest.raises(ClientError, match="AccessDenied"):
        written()


def test_an_error_in_the_context_itself_is_raised_instead_of_an_uploads() -> None:
    bucket = bucket_in(FakeS3(refused={"parts/1": "AccessDenied"}))

    def written() -> None:
        with Uploads(bucket) as block:
            block.begin("parts/1", b"x")
            reason = "no such part"
            raise LookupError(reason)

    with pytest.raises(LookupError, match="no such part"):
        written()


def test_without_uploads_no_thread_starts() -> None:
    before = threading.active_count()
    with Uploads(bucket_in(FakeS3())) as block:
        block.wait_for_memory(10**9)
        assert threading.active_count() == before
