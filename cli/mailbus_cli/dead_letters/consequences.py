"""What redriving a letter does, in words: docs/limits.md and docs/errors.md, for one letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mailbus.events import error_codes
from mailbus_cli import runbook
from mailbus_cli.error_words import ErrorWords, error_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.job_states import JobState

AsItIs = Literal["fails", "tried", "not_sent"]


class Consequences(msgspec.Struct, frozen=True, kw_only=True):
    """What a redrive does.

    `as_it_is`: it fails again in the same way, it is tried again, or nothing is sent. `changed` is of a job
    that is edited, with the same id; None for what cannot be edited.
    """

    as_it_is: AsItIs
    text: str
    changed: str | None = None


_FAILS: Final = "As it is, it fails again in the same way."
_TRIED: Final = "It is tried again, as it is."
_ONCE_FIXED: Final = "As it is, it is tried again, which helps once the cause is fixed."
_CORRECTED: Final = "Corrected, with the same job id, it is tried again."
_NEW_ID: Final = "With a new job id it is a new job."
_IF_NONE: Final = "Changed, with the same job id, it is refused if any of it was accepted or is in doubt."
_FILES: Final = (".s3", "$.content_ref")

_INVALID: Final = Consequences(as_it_is="fails", text=_FAILS, changed=_CORRECTED)
_OF_SES: Final = Consequences(as_it_is="tried", text=_ONCE_FIXED, changed=_IF_NONE)
_JOBS: Final[Mapping[str, Consequences]] = {
    error_codes.INVALID_JOB: _INVALID,
    error_codes.UNSUPPORTED_FEATURE: _INVALID,
    error_codes.JOB_ID_CONFLICT: Consequences(
        as_it_is="fails",
        text="As it is, it is refused again, as long as the ledger has the other job.",
        changed=_NEW_ID,
    ),
    error_codes.EXPIRED: Consequences(
        as_it_is="fails",
        text="As it is, it fails again: `expires_at` has passed.",
        changed="With a later `expires_at` it is tried again, if none of it was accepted.",
    ),
    error_codes.OUTCOME_UNKNOWN: Consequences(
        as_it_is="not_sent",
        text="SES may have accepted it. As it is, nothing is sent: the ledger remembers that.",
        changed="With the same job id it is refused. With a new one it is sent, a second time if SES had "
        "accepted it.",
    ),
    error_codes.WAITED_TOO_LONG: Consequences(
        as_it_is="tried",
        text="As it is, it continues where it was, and may wait for another 13 days.",
        changed=_IF_NONE,
    ),
    error_codes.UNEXPECTED_ERROR: Consequences(
        as_it_is="tried", text="As it is, it is tried again, which helps once the bug is fixed."
    ),
}
_OTHER_FUNCTIONS: Final[Mapping[str, str]] = {
    "WiringError": "As it is, it fails again: it came from another topic or bucket than this queue is for.",
    "InvalidNotification": "As it is, it fails again: it is no notification of SES.",
    "InvalidEvent": "As it is, it fails again: it is no event of a mail.",
    "EntryTooLarge": "As it is, it fails again until `events.entry_bytes` is raised.",
    "InvalidArgument": _FAILS,
    "MalformedDetail": _FAILS,
    "ValidationException": _FAILS,
}
_NO_SECOND: Final[Mapping[str, str]] = {
    "tracking": "Its events have the same ids again, so that consumers know repeated ones.",
    "inbound": "Its event has the same id again, so that consumers know a repeated one.",
    "timeline": "The timeline has each event once, however often it arrives.",
}
_REFUSED: Final = ErrorWords(
    sentence="AWS refuses the event itself.", advice="Report it.", section=runbook.REFUSED_ENTRY
)
#: How errors of SQS's consumers other than jobs are said: what happened, and what to do.
_FUNCTION_WORDS: Final[Mapping[str, ErrorWords]] = {
    "WiringError": ErrorWords(
        sentence="A valid notification, but from the wrong topic, bucket or action.",
        advice="Correct the receipt rule or the event destination that the reason names; delete this one.",
        section=runbook.WIRING,
    ),
    "InvalidNotification": ErrorWords(
        sentence="It is no notification of SES.",
        advice="Find out who publishes it to the topic; delete it.",
        section=runbook.STRANGER,
    ),
    "EntryTooLarge": ErrorWords(
        sentence="The event is too large for the bus, even without SES's JSON.",
        advice="Raise `events.entry_bytes`, or send less metadata; then redrive it.",
        section=runbook.TOO_LARGE,
    ),
    "InvalidEvent": ErrorWords(
        sentence="It is no event of a mail.",
        advice="Find out who sends it to the timeline's queue; delete it.",
        section=runbook.NO_EVENT,
    ),
    **dict.fromkeys(("InvalidArgument", "MalformedDetail", "ValidationException"), _REFUSED),
}
_FUNCTION_OTHER: Final = ErrorWords(
    sentence="The function could not process it.",
    advice="Fix what the reason or its log names; redrive it.",
    section=runbook.TRIED,
)
_NO_CODE: Final = ErrorWords(
    sentence="The queue gave up: no worker answered for it.",
    advice="Read the function's log, `mailbus logs`, or `mailbus doctor`; then redrive it.",
    section=runbook.NO_CODE,
)


def consequences(letter: Letter, state: JobState | None = None) -> Consequences:
    """Return what redriving a letter does; `state` is what the ledger knows of its job, if it was read."""
    if letter.lane is None:
        failing = _OTHER_FUNCTIONS.get(letter.code)
        if failing:
            return Consequences(as_it_is="fails", text=failing)
        text = f"{_ONCE_FIXED} {_NO_SECOND.get(letter.queue, '')}".rstrip()
        return Consequences(as_it_is="tried", text=text)
    if letter.path and letter.path.endswith(_FILES):
        known = Consequences(
            as_it_is="tried",
            text="As it is, it is tried again, which helps once the object is there and its bucket is in "
            "`source_buckets`.",
            changed=_CORRECTED,
        )
    elif "Code" not in letter.attributes:
        known = Consequences(as_it_is="tried", text=_TRIED, changed=_IF_NONE)
    else:
        known = _JOBS.get(letter.code, _OF_SES)
    return msgspec.structs.replace(known, text=f"{_accepted(letter, state)}{known.text}")


def words(letter: Letter) -> ErrorWords:
    """Return why a letter is dead in plain words, and what to do."""
    if "Code" not in letter.attributes:
        return _NO_CODE
    if letter.lane is None:
        return _FUNCTION_WORDS.get(letter.code, _FUNCTION_OTHER)
    return error_words(letter.code)


def _accepted(letter: Letter, state: JobState | None) -> str:
    """Return a sentence on what SES has of a job already; nothing where it is not certain."""
    if letter.code == error_codes.JOB_ID_CONFLICT or letter.part is not None:
        return ""
    if state is None or not state.message_ids:
        is_certain = letter.code in {error_codes.INVALID_JOB, error_codes.UNSUPPORTED_FEATURE}
        return "Nothing of this job was accepted by SES. " if is_certain else ""
    accepted, total = len(state.message_ids), sum(state.counts.values())
    rest = "Only the others are tried" if accepted < total else "None is sent again"
    return f"SES has accepted {accepted} of its {total} mails. {rest}. "
