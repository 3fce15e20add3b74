"""The jobs of a run: each kind that is handled differently, and what has to become of its recipients."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec.structs import replace

from mailbus.jobs.claim_check import JOBS_PREFIX
from mailbus.stages import Lane

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

Kind = Literal[
    "single",
    "50 recipients",
    "merge",
    "scheduled",
    "expired",
    "expiring",
    "invalid",
    "duplicate",
    "same id",
    "by reference",
    "large",
    "file in S3",
    "unverified",
    "no template",
    "no object",
]
#: What has to become of each recipient: accepted once; failed with a dead letter; failed, and accepted once
#: what is wrong is fixed and the letter redriven; accepted or failed.
Outcome = Literal["accepted", "failed", "fixed", "either"]

#: How many of 10,000 jobs are of a kind; all others are single.
SHARES: Final[Mapping[Kind, int]] = {
    "50 recipients": 15,
    "merge": 50,
    "scheduled": 600,
    "expired": 150,
    "expiring": 100,
    "invalid": 200,
    "duplicate": 500,
    "same id": 40,
    "by reference": 300,
    "large": 3,
    "file in S3": 100,
    "unverified": 60,
    "no template": 60,
    "no object": 40,
}
OF: Final = 10_000
DOMAIN: Final = "simulator.amazonses.com"
#: An identity that SES does not know as verified until the operator fixes that.
UNVERIFIED: Final = "example.net"
TEMPLATE: Final = "chaos-receipt"
SOURCE_BUCKET: Final = "mailbus-example-files"
FILE_KEY: Final = "invoices/17.pdf"
FILE: Final = b"%PDF-1.7 " + b"0" * 3000
LARGE_CHARACTERS: Final = 1_200_000
MERGES: Final = (2, 3, 5, 12, 51)
#: The addresses of SES's mailbox simulator, and how often of a hundred.
READERS: Final = {"success": 88, "bounce": 5, "complaint": 4, "ooto": 3}
#: SES's events of a mail to each of them, as event types of the bus.
EVENTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "success": ("queued", "sent", "delivered"),
    "bounce": ("queued", "sent", "bounced"),
    "complaint": ("queued", "sent", "delivered", "complained"),
    "ooto": ("queued", "sent", "delivered", "autoresponded"),
}
SOON_SECONDS: Final = (5.0, 90.0)
EXPIRING_SECONDS: Final = (1.0, 20.0)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its expected outcome; `code` is that of its dead letter.

    `copies` of it are enqueued. `send_in` and `expires_in` are seconds after that. `at` says where the
    document is, if the message only refers to it: `stored` before it is enqueued, or `missing`.
    """

    kind: Kind
    job_id: str
    lane: Lane
    to: tuple[str, ...]
    document: dict[str, Any]
    outcome: Outcome = "accepted"
    code: str | None = None
    copies: int = 1
    send_in: float | None = None
    expires_in: float | None = None
    at: Literal["message", "stored", "missing", "client"] = "message"
    text: str | None = None

    @property
    def key(self) -> str:
        """The key of its document in the jobs bucket, if it is there."""
        return f"{JOBS_PREFIX}{self.job_id}/document.json"

    def complete(self, now: float) -> str:
        """Return the document with its times, as JSON; `now` is in epoch seconds."""
        if self.text is not None:
            return self.text
        times = {"send_at": self.send_in, "expires_at": self.expires_in}
        given = {name: _text(now + seconds) for name, seconds in times.items() if seconds is not None}
        return json.dumps({**self.document, **given})


def draw(chance: random.Random, count: int, mark: str) -> list[Job]:
    """Return so many jobs in the order in which they are enqueued; `mark` makes their ids unique."""
    kinds: list[Kind] = [
        kind for kind, share in SHARES.items() for _ in range(max(1, round(share * count / OF)))
    ]
    kinds += ["single"] * (count - len(kinds))
    chance.shuffle(kinds)
    jobs: list[Job] = []
    for number, kind in enumerate(kinds[:count]):
        jobs += _MAKERS[kind](_Draft(chance, number, mark))
    return jobs


class _Draft:
    """Makes the jobs with one number."""

    def __init__(self, chance: random.Random, number: int, mark: str) -> None:
        self.chance = chance
        self.number = number
        self._job_id = f"order-{mark}-{number}"
        self._lane: Lane = chance.choice(("transactional", "bulk"))

    def job(self, kind: Kind, *, recipients: int = 1, label: str = "", **fields: object) -> Job:
        """Return a valid job; its recipients are of all three kinds, if there are as many."""
        to = tuple(self._address(place, label) for place in range(recipients))
        third = (len(to) + 2) // 3
        parts = {"to": to[:third], "cc": to[third : 2 * third], "bcc": to[2 * third :]}
        document = {
            "job_id": self._job_id,
            "from_email": "Shop <shop@example.com>",
            **{name: list(addresses) for name, addresses in parts.items() if addresses},
            "subject": f"Your order {self.number} {label}".rstrip(),
            "text": "It is on its way.",
            "metadata": {"order": self.number},
            "tags": ["receipt"],
            **fields,
        }
        return Job(kind=kind, job_id=self._job_id, lane=self._lane, to=to, document=document)

    def _address(self, place: int, label: str) -> str:
        (name,) = self.chance.choices([*READERS], [*READERS.values()])
        return f"{name}+{self._job_id}-{place}{label}@{DOMAIN}"


def _merge(draft: _Draft) -> Job:
    job = draft.job("merge", recipients=draft.chance.choice(MERGES))
    document = _without(job, "cc", "bcc") | {
        "to": list(job.to),
        "text": "It is on its way, as number {{place}}.",
        "merge_data": {address: {"place": place} for place, address in enumerate(job.to)},
    }
    return replace(job, document=document)


def _scheduled(draft: _Draft) -> Job:
    return replace(draft.job("scheduled"), send_in=draft.chance.uniform(*SOON_SECONDS))


def _expiring(draft: _Draft) -> Job:
    seconds = draft.chance.uniform(*EXPIRING_SECONDS)
    return replace(draft.job("expiring"), outcome="either", code="Expired", expires_in=seconds)


def _conflicting(draft: _Draft, label: str) -> Job:
    return replace(draft.job("same id", label=label), outcome="either", code="JobIdConflict")


def _with_file(draft: _Draft) -> Job:
    file = {"filename": "invoice.pdf", "s3": {"bucket": SOURCE_BUCKET, "key": FILE_KEY}}
    return draft.job("file in S3", attachments=[file])


def _unverified(draft: _Draft) -> Job:
    job = draft.job("unverified", from_email=f"Shop <shop@{UNVERIFIED}>")
    return replace(job, outcome="fixed", code="MessageRejected")


def _without_template(draft: _Draft) -> Job:
    job = draft.job("no template")
    stored = {"template_id": TEMPLATE, "merge_global_data": {"order": draft.number}}
    document = _without(job, "subject", "text") | stored
    return replace(job, document=document, outcome="fixed", code="NotFoundException")


def _invalid(draft: _Draft) -> Job:
    job = replace(draft.job("invalid"), outcome="failed", code="InvalidJob")
    return draft.chance.choice(_MISTAKES)(job)


_MAKERS: Final[Mapping[Kind, Callable[[_Draft], tuple[Job, ...]]]] = {
    "single": lambda draft: (draft.job("single"),),
    "50 recipients": lambda draft: (draft.job("50 recipients", recipients=50),),
    "merge": lambda draft: (_merge(draft),),
    "scheduled": lambda draft: (_scheduled(draft),),
    "expired": lambda draft: (
        replace(draft.job("expired"), outcome="failed", code="Expired", expires_in=-60.0),
    ),
    "expiring": lambda draft: (_expiring(draft),),
    "invalid": lambda draft: (_invalid(draft),),
    "duplicate": lambda draft: (replace(draft.job("duplicate"), copies=draft.chance.choice((2, 2, 3))),),
    "same id": lambda draft: (_conflicting(draft, ""), _conflicting(draft, "other")),
    "by reference": lambda draft: (replace(draft.job("by reference"), at="stored"),),
    "large": lambda draft: (
        replace(draft.job("large", text="Long. " * (LARGE_CHARACTERS // 6)), at="client"),
    ),
    "file in S3": lambda draft: (_with_file(draft),),
    "unverified": lambda draft: (_unverified(draft),),
    "no template": lambda draft: (_without_template(draft),),
    "no object": lambda draft: (
        replace(draft.job("no object"), outcome="fixed", code="InvalidJob", at="missing"),
    ),
}


def _without(job: Job, *names: str) -> dict[str, Any]:
    return {name: value for name, value in job.document.items() if name not in names}


def _with(job: Job, **fields: object) -> Job:
    return replace(job, document={**job.document, **fields})


_MISTAKES: Final[tuple[Callable[[Job], Job], ...]] = (
    lambda job: _with(job, subjet="The name of this field has a typing mistake"),
    lambda job: _with(job, subject=47),
    lambda job: _with(job, headers={"X-Order": "17\r\nBcc: all@example.com"}),
    lambda job: _with(job, to=[f"reader-{place}@example.org" for place in range(51)]),
    lambda job: _with(job, send_at="tomorrow"),
    lambda job: _with(job, schema_version=9),
    # no JSON, and no object
    lambda job: replace(job, text=f"{json.dumps(job.document)[:-9]}"),
    lambda job: replace(job, text=json.dumps([job.job_id])),
)


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
