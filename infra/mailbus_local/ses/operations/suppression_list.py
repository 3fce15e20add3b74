"""The operations on the account-level suppression list; the lists of tenants are not simulated.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutSuppressedDestination.html,
API_GetSuppressedDestination, API_ListSuppressedDestinations, API_DeleteSuppressedDestination and
API_PutAccountSuppressionAttributes
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_local.ses.addresses import parse
from mailbus_local.ses.errors import BAD_REQUEST, INVALID_NEXT_TOKEN, NOT_FOUND, SesError
from mailbus_local.ses.requests import AccountSuppression, SuppressedDestination, parse_request

if TYPE_CHECKING:
    from mailbus_local.ses.state.suppression_list import SuppressedAddress, SuppressionList

PAGE_SIZE: Final = 1000


class ListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The query of `ListSuppressedDestinations`."""

    reasons: tuple[str, ...] = ()
    start_date: str | None = None
    end_date: str | None = None
    page_size: str | None = None
    next_token: str | None = None


def put_suppressed_destination(suppression_list: SuppressionList, body: bytes) -> dict[str, Any]:
    """Add an address."""
    request = parse_request(body, SuppressedDestination)
    suppression_list.put(parse(request.email_address), request.reason)
    return {}


def get_suppressed_destination(suppression_list: SuppressionList, email: str) -> dict[str, Any]:
    """Return one address. Raise if it is not on the list."""
    found = suppression_list.find(parse(email))
    if found is None:
        raise _not_found(email)
    attributes = {"MessageId": found.message_id, "FeedbackId": found.feedback_id}
    return {
        "SuppressedDestination": {
            **_summary(found),
            **({"Attributes": attributes} if found.message_id else {}),
        }
    }


def list_suppressed_destinations(suppression_list: SuppressionList, request: ListRequest) -> dict[str, Any]:
    """Return a page of addresses, those last updated first."""
    since, until = _moment(request.start_date), _moment(request.end_date)
    found = [
        each
        for each in reversed(suppression_list.all())
        if (not request.reasons or each.reason in request.reasons)
        and (since is None or each.updated_at >= since)
        and (until is None or each.updated_at <= until)
    ]
    start = _number(request.next_token, 0, INVALID_NEXT_TOKEN)
    size = _number(request.page_size, PAGE_SIZE, BAD_REQUEST)
    page = found[start : start + max(1, min(size, PAGE_SIZE))]
    end = start + len(page)
    return {
        "SuppressedDestinationSummaries": [_summary(each) for each in page],
        **({"NextToken": str(end)} if end < len(found) else {}),
    }


def delete_suppressed_destination(suppression_list: SuppressionList, email: str) -> dict[str, Any]:
    """Remove an address. Raise if it is not on the list."""
    if not suppression_list.remove(parse(email)):
        raise _not_found(email)
    return {}


def put_account_suppression_attributes(suppression_list: SuppressionList, body: bytes) -> dict[str, Any]:
    """Set the reasons for which the account uses and fills the list."""
    suppression_list.reasons = parse_request(body, AccountSuppression).suppressed_reasons
    return {}


def _summary(found: SuppressedAddress) -> dict[str, Any]:
    return {"EmailAddress": found.email, "Reason": found.reason, "LastUpdateTime": found.updated_at}


def _not_found(email: str) -> SesError:
    return SesError(NOT_FOUND, f"Email address {email} does not exist on your suppression list.")


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SesError(BAD_REQUEST, f"Invalid date <{text}>.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _number(text: str | None, default: int, code: str) -> int:
    if text is None:
        return default
    if not text.isdecimal():
        raise SesError(code, f"The request has an invalid value <{text}>.")
    return int(text)
