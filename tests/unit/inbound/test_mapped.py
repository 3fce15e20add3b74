"""A large mail is mapped from a file, and read as one in memory is."""

from __future__ import annotations

import mmap
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.response import StreamingBody

from bench.support import fresh_process, mails
from inbound import mime
from inbound.aws.s3 import Bucket, StoredMail
from inbound.mapped import MAPPED_BYTES, Raw, mapped, release
from inbound.parts import StoredParts, store
from mailbus.errors import InboundError
from tests.unit.fakes.s3 import FakeS3
from tests.unit.inbound.world import BUCKET, FOLDER, bucket_in

if TYPE_CHECKING:
    from inbound.mime import ParsedMail

GOLDEN = Path(__file__).parent / "golden"
MB = 1_000_000


def test_a_mapped_mail_has_the_bytes_of_its_source() -> None:
    raw = bytes(range(256)) * 5000
    found = mapped(StreamingBody(BytesIO(raw), len(raw)))
    assert isinstance(found, mmap.mmap)
    assert found[:] == raw
    release(found, 0, len(raw))
    release(found, 5000, 9000)
    release(found, 9000, 9000)
    assert found[:] == raw
    assert mapped(BytesIO(b"")) == b""


def read(raw: Raw, s3: FakeS3) -> tuple[ParsedMail, StoredParts] | str:
    """Parse a mail and store its parts; return what is found, or why it cannot be read."""
    try:
        mail = mime.parse(raw)
    except InboundError as error:
        return str(error)
    return mail, store(raw, mail, bucket_in(s3), FOLDER)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.eml")), ids=lambda path: path.stem)
def test_a_mapped_mail_is_read_as_one_in_memory(path: Path) -> None:
    raw = path.read_bytes()
    in_memory, from_file = FakeS3(), FakeS3()
    assert read(mapped(BytesIO(raw)), from_file) == read(raw, in_memory)
    assert from_file.objects == in_memory.objects


@pytest.mark.parametrize(("size", "kind"), [(MAPPED_BYTES - 1, bytes), (MAPPED_BYTES, mmap.mmap)])
def test_only_a_large_mail_is_mapped(size: int, kind: type[object]) -> None:
    s3 = FakeS3()
    s3.put_object(Bucket=BUCKET, Key="raw/1", Body=b"a" * size)
    found = Bucket(s3, BUCKET).read("raw/1")  # type: ignore[arg-type] # a fake
    assert isinstance(found, StoredMail)
    assert isinstance(found.content, kind)


def test_a_mail_of_many_attachments_takes_a_small_part_of_its_size(tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(mails.mail(mails.LARGEST, mails.EQUAL))
    cost = fresh_process.run("bench.workers.receiving_mailbus", str(path))
    assert cost.peak_bytes - cost.before_bytes < 20 * MB
