"""`mailbus send` before anything is enqueued; what it enqueues is in tests/e2e/test_send_command.py."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from mailbus_cli import frame

if TYPE_CHECKING:
    from pathlib import Path

MAIL = ("--from", "shop@example.com", "--to", "ann@example.org", "--text", "Hello")
TEMPLATE = {"from_email": "shop@example.com", "subject": "{{name}}", "text": "Hello"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAILBUS_STAGE", raising=False)
    return tmp_path


def _jobs(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    code = frame.run(["send", "--dry-run", "--json", *arguments])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    code = frame.run(["send", *arguments])
    out, err = capsys.readouterr()
    assert out == ""
    return code, err.splitlines()


def test_options_are_the_fields_of_the_job(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "body.html").write_text("<p>Zoë</p>")
    (folder / "a.txt").write_text("x")
    options = [
        *("--cc", "cc@example.org", "--bcc", "bcc@example.org", "--reply-to", "reply@example.com"),
        *("--to", "bob@example.org", "--subject", "Your order", "--html-file", "body.html"),
        *("--attach", "a.txt", "--header", "X-Order: 17", "--tag", "order", "--tag", "shop"),
        *("--metadata", "order=17", "--send-at", "2026-12-01T08:00:00Z", "--job-id", "order-17"),
    ]
    assert _jobs(capsys, *MAIL, *options) == [
        {
            "job_id": "order-17",
            "from_email": "shop@example.com",
            "to": ["ann@example.org", "bob@example.org"],
            "cc": ["cc@example.org"],
            "bcc": ["bcc@example.org"],
            "reply_to": ["reply@example.com"],
            "subject": "Your order",
            "text": "Hello",
            "html": "<p>Zoë</p>",
            "attachments": [{"filename": "a.txt", "content_type": "text/plain", "content": "eA=="}],
            "headers": {"X-Order": "17"},
            "tags": ["order", "shop"],
            "metadata": {"order": "17"},
            "send_at": "2026-12-01T08:00:00Z",
        }
    ]


def test_a_stored_template_has_its_data(capsys: pytest.CaptureFixture[str]) -> None:
    [job] = _jobs(capsys, *MAIL[:4], "--template", "order-sent", "--data", "name=Ann")
    assert job["template_id"] == "order-sent"
    assert job["merge_global_data"] == {"name": "Ann"}


def test_a_job_comes_from_a_file_or_the_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"from_email": "shop@example.com", "to": "ann@example.org", "text": "Hello"}
    (folder / "job.json").write_text(json.dumps(job))
    assert _jobs(capsys, "job.json", "--subject", "Hi") == [{**job, "subject": "Hi"}]
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeff" + json.dumps(job)))
    assert _jobs(capsys, "-") == [job]


def test_a_csv_file_has_a_template_of_a_file_or_of_ses_and_options(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "readers.csv").write_text("to,name\nann@example.org,Ann\nbob@example.org,Bob\n")
    (folder / "november.json").write_text(json.dumps(TEMPLATE))
    jobs = _jobs(capsys, "--csv", "readers.csv", "--template", "november.json", "--tag", "news")
    assert [(job["subject"], job["tags"]) for job in jobs] == [("Ann", ["news"]), ("Bob", ["news"])]
    assert all(job["job_id"].startswith("readers-") for job in jobs)
    jobs = _jobs(capsys, "--csv", "readers.csv", "--template", "november", "--from", "a@example.com")
    assert [job["template_id"] for job in jobs] == ["november"] * 2
    jobs = _jobs(
        capsys, "--csv", "readers.csv", *MAIL[:2], "--text", "{{name}}", "--campaign", "c", "--key", "name"
    )
    assert [(job["job_id"], job["text"]) for job in jobs] == [("c-Ann", "Ann"), ("c-Bob", "Bob")]


def test_a_dry_run_says_how_many_are_valid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "readers.csv").write_text("to,name\nann@example.org,Ann\nbob@,Bob\n")
    arguments = ["--csv", "readers.csv", *MAIL[:2], "--text", "x", "--dry-run", "--skip-invalid"]
    assert frame.run(["send", *arguments]) == 0
    out, err = capsys.readouterr()
    assert out == "the job is valid, 1 is left out; nothing was enqueued (--json prints the jobs)\n"
    assert err.startswith("readers.csv, line 3, column to: has an incomplete domain")


def test_one_invalid_row_is_enough_to_enqueue_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "readers.csv").write_text("to,name\nann@example.org,Ann\nbob@,Bob\n")
    code, lines = _refused(capsys, "--local", "--csv", "readers.csv", *MAIL[:2], "--text", "x")
    assert code == 1
    assert lines[0].startswith("readers.csv, line 3, column to: has an incomplete domain")
    assert lines[1:] == [
        "mailbus: 1 of 2 jobs cannot be enqueued; nothing was enqueued",
        "hint: correct them, or leave them out with --skip-invalid",
    ]


def test_of_many_invalid_rows_the_first_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "readers.csv").write_text("to\n" + "".join(f"{n}@\n" for n in range(1500)))
    code, lines = _refused(capsys, "--local", "--csv", "readers.csv", *MAIL[:2], "--text", "x")
    assert code == 1
    assert len(lines) == 23
    assert lines[20:22] == [
        "… and 1,480 more",
        "mailbus: 1,500 of 1,500 jobs cannot be enqueued; nothing was enqueued",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ((), 2, "mailbus: there is nothing to send"),
        ((*MAIL, "--subjct", "x"), 2, "mailbus: No such option: --subjct"),
        ((*MAIL, "--text-file", "x"), 2, "mailbus: a body is given twice, as text and as a file"),
        ((*MAIL, "--key", "x"), 2, "mailbus: --key and a template's file are for --csv"),
        ((*MAIL, "--csv", "x.csv"), 2, "mailbus: with --csv the jobs, their ids and their recipients are"),
        ((*MAIL, "--metadata", "x"), 2, "mailbus: --metadata 'x' has no ="),
        (("no.json",), 1, "mailbus: no.json: No such file or directory"),
        ((*MAIL, "--attach", "no.pdf"), 1, "mailbus: no.pdf: No such file or directory"),
        ((*MAIL, "--job-id", "ä"), 1, "mailbus: the job: $.job_id: must be 1 to 128 characters"),
        ((*MAIL, "--lane", "fast"), 2, "mailbus: Invalid value for '--lane'"),
        (MAIL, 2, "mailbus: one of --local and --stage is needed"),
    ],
)
def test_what_is_wrong_is_one_line_and_a_hint(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, reason: str
) -> None:
    found, lines = _refused(capsys, *arguments)
    assert found == code
    assert lines[0].startswith(reason)
    assert len(lines) <= 2


def test_what_is_not_utf8_is_refused_with_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "latin1.txt").write_bytes("Zoë".encode("latin-1"))
    arguments = ("--from", "a@example.com", "--to", "b@example.org", "--text-file", "latin1.txt")
    code, lines = _refused(capsys, *arguments)
    assert (code, lines[0]) == (1, "mailbus: latin1.txt: byte 2 is not UTF-8")
    with (folder / "latin1.txt").open(encoding="utf-8") as file:
        monkeypatch.setattr("sys.stdin", file)
        code, lines = _refused(capsys, "-")
    assert (code, lines[0]) == (1, "mailbus: the input is not utf-8: byte 2")


def test_several_jobs_cannot_have_one_id(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = json.dumps({"from_email": "shop@example.com", "to": "ann@example.org", "text": "Hello"})
    (folder / "jobs.jsonl").write_text(f"{line}\n{line}\n")
    code, lines = _refused(capsys, "jobs.jsonl", "--job-id", "x", "--dry-run")
    assert (code, lines[0]) == (2, "mailbus: jobs.jsonl has several jobs, which cannot have the same id")
