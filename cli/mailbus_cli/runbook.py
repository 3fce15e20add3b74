"""The sections of docs/runbook.md on errors: what to do about them, which is the same for several codes."""

from __future__ import annotations

from typing import Final

# jobs
CORRECT: Final = "Correct the job"
NEW_ID: Final = "Use another job id"
LATE: Final = "It came too late"
DOUBT: Final = "Nobody knows whether it was sent"
TOO_LONG: Final = "It waited for 13 days"
VERIFY: Final = "Verify the address, or correct the mail"
DNS: Final = "Publish the MX record of the MAIL FROM domain"
CREATE: Final = "Create what the job names"
RIGHTS: Final = "Let the sender use it"
CREDENTIALS: Final = "Check the sender's credentials"
SUPPORT: Final = "Ask AWS Support"
REGION: Final = "Deploy to another region"
AGAIN: Final = "Redrive it"
REPORT: Final = "Report a bug"
ANY_OTHER: Final = "Any other code of SES"
NO_CODE: Final = "No code"
WAITS: Final = "Wait"
EVENT_ONLY: Final = "Read the event"
# what is on the queues of the other functions
WIRING: Final = "It came from the wrong topic"
STRANGER: Final = "It is not from SES"
TOO_LARGE: Final = "The event is too large"
REFUSED_ENTRY: Final = "AWS refuses the event"
NO_EVENT: Final = "It is no event of a mail"
TRIED: Final = "It was tried too often"
