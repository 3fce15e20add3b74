"""`mailbus room --stage` of an installed wheel, as an operator's browser meets it."""

from __future__ import annotations

import re
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.installed.environments import Environment

END_SECONDS = 60
FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@contextmanager
def running(
    environment: Environment, *arguments: str, env: Mapping[str, str]
) -> Iterator[tuple[str, httpx.Client]]:
    """Run the room; yield the line that it prints, and a browser without its token. Ctrl-C ends it."""
    process = subprocess.Popen(
        [str(environment.python), "-m", "mailbus_cli", "room", *arguments],
        cwd=environment.home,
        env=environment.variables(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = httpx.URL(line.split()[-1])
        with httpx.Client(
            base_url=f"http://{address.netloc.decode()}", timeout=60, trust_env=False
        ) as client:
            yield line, client
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=END_SECONDS)
    # nothing went wrong meanwhile either
    assert (process.returncode, rest) == (0, "")


def assert_account_room(environment: Environment, env: Mapping[str, str], *, job_id: str) -> None:
    """Use a room of the stage `prod`, which sent a job; it may write only with --write."""
    with running(environment, "--stage", "prod", env=env) as (line, client):
        address = line.split()[-1]
        assert line == f"the mail room of stage prod in {env['AWS_REGION']} is at {address}\n"
        assert client.get("/sent").status_code == 403
        entrance = client.get(address)
        assert (entrance.status_code, entrance.headers["location"]) == (303, "/")

        sent = client.get("/", follow_redirects=True)
        assert (sent.status_code, sent.url.path) == (200, "/sent")
        world = sent.text.partition('<p class="world account">')[2].partition("</p>")[0]
        assert "<b>prod</b>" in world
        for text in (env["AWS_REGION"], "000000000000", "read-only", "as root"):
            assert text in world
        assert job_id in sent.text
        assert job_id in client.get(f"/sent/{job_id}").text
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', sent.text)
        assert files
        for path in {*re.findall(r'<a href="(/[a-z-]+)"', sent.text), *files}:
            assert client.get(path, follow_redirects=True).status_code == 200, path
        assert _deletion(client) == (403, "This room is read-only: start it with --write.")
    with running(environment, "--stage", "prod", "--write", env=env) as (line, client):
        client.get(line.split()[-1])
        assert "may write" in client.get("/sent").text
        assert _deletion(client) == (303, "")


def _deletion(client: httpx.Client) -> tuple[int, str]:
    """Return the answer to the form that deletes dead letters, of which none is chosen."""
    token = FORM_TOKEN.search(client.get("/dead-letters/send").text)
    assert token
    answer = client.post(
        "/dead-letters/send/delete",
        data={"form_token": token[1]},
        headers={"Origin": str(client.base_url).rstrip("/")},
    )
    return answer.status_code, answer.text
