"""How the parts of a mail are named and stored."""

from __future__ import annotations

import hashlib

import pytest

from inbound import mime
from inbound.parts import safe_filename, store
from tests.unit.fakes.s3 import FakeS3
from tests.unit.inbound.multiparts import FILED, PLAIN, multipart
from tests.unit.inbound.world import BUCKET, FOLDER, bucket_in


@pytest.mark.parametrize(
    ("filename", "content_type", "safe"),
    [
        ("report.pdf", "application/pdf", "report.pdf"),
        ("../../etc/passwd", "text/plain", "passwd"),
        ("C:\\TEMP\\photo.png", "image/png", "photo.png"),
        ("Übersicht 2026 €.pdf", "application/pdf", "Ubersicht_2026_.pdf"),
        ("日本語.jpg", "image/jpeg", "part.jpg"),
        ("日本語.", "image/jpeg", "part.jpg"),
        ("請求書 2026.pdf", "application/pdf", "2026.pdf"),
        ("€.tar.gz", "application/gzip", "part.tar.gz"),
        ("_.txt", "text/plain", "part.txt"),
        ("invoice\u202efdp.exe", "application/pdf", "invoice_fdp.exe"),
        ("a%2Fb?c#d&e=f+g.txt", "text/plain", "a_2Fb_c_d_e_f_g.txt"),
        ("\ud800.txt", "text/plain", "part.txt"),
        ("日本語", "image/jpeg", "part.jpg"),
        ("a b\r\nc\x00d.txt", "text/plain", "a_b_c_d.txt"),
        (".htaccess", "text/plain", "htaccess"),
        ("..", "text/plain", "part.txt"),
        ("---", "x/y", "part.bin"),
        ("", "message/rfc822", "message.eml"),
        (None, "message/delivery-status", "delivery-status.txt"),
        (None, "application/x-unheard-of", "part.bin"),
        ("x" * 300 + ".tar.gz", "application/gzip", "x" * 97 + ".gz"),
        ("x" * 300, "x/y", "x" * 100),
        ("a/", "image/gif", "part.gif"),
    ],
)
def test_a_filename_is_made_safe_for_its_key(filename: str | None, content_type: str, safe: str) -> None:
    assert safe_filename(filename, content_type) == safe


def test_parts_with_the_same_name_have_different_keys_and_keep_their_name() -> None:
    file = 'Content-Disposition: attachment; filename="../a b.txt"\nContent-Type: text/plain\n\n'
    raw = multipart("mixed", PLAIN, file + "one", file + "two")
    s3 = FakeS3()
    stored = store(raw, mime.parse(raw), bucket_in(s3), FOLDER)
    assert s3.objects == {(BUCKET, f"{FOLDER}1-a_b.txt"): b"one", (BUCKET, f"{FOLDER}2-a_b.txt"): b"two"}
    assert [part.filename for part in stored.attachments] == ["../a b.txt"] * 2
    assert stored.attachments[1].sha256 == hashlib.sha256(b"two").hexdigest()


def test_a_part_with_a_broken_encoding_is_a_defect() -> None:
    raw = multipart("mixed", PLAIN, FILED + "Content-Transfer-Encoding: base64\n\naGVs*bG8=")
    s3 = FakeS3()
    stored = store(raw, mime.parse(raw), bucket_in(s3), FOLDER)
    assert stored.defects == ("bad_base64",)
    assert list(s3.objects.values()) == [b"hello"]
