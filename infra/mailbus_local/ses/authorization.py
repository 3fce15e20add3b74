"""Whether the policies of a caller allow a call, which MiniStack evaluates for all other services.

The role of a caller follows from the access key that signed the request. Credentials that MiniStack has not
issued belong to the account's root user, who may do everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from ministack.core import iam_actions, iam_evaluator

from mailbus_local.denials import Denial, record
from mailbus_local.ses.errors import ACCESS_DENIED, ACCESS_DENIED_V1, UNRECOGNIZED_CLIENT, SesError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from starlette.requests import Request

    from mailbus_local.ses.formats import Origin
    from mailbus_local.ses.state.resources import Resources
    from mailbus_local.used_rights import UsedRights

_ALLOWED: Final = "Allow"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """An action on a resource (an ARN, or `*`), with the request's condition keys in lower case."""

    action: str
    resource: str
    conditions: Mapping[str, Any] = {}


class Authorization:
    """Evaluates the policies of callers, and records the calls that they do not allow."""

    def __init__(self, resources: Resources, origin: Origin, denials: Path, used: UsedRights) -> None:
        self._resources = resources
        self._origin = origin
        self._denials = denials
        self._used = used

    async def require_send(self, access_key: str, checks: Iterable[Check]) -> None:
        """Raise SES's error for the first check of a mail that the caller's policies do not allow."""
        denial = await self._denial(access_key, checks)
        if denial is not None:
            reason = (
                f"User `{denial.principal}' is not authorized to perform `{denial.action}' "
                f"on resource `{denial.resource}'"
            )
            raise SesError(ACCESS_DENIED, reason)

    async def require_call(self, access_key: str, request: Request, body: bytes) -> None:
        """Raise SES's error if the caller's policies do not allow a call, of either of SES's APIs."""
        named = (request.method, request.url.path, dict(request.headers), body, _query(request))
        action = iam_actions.extract_iam_action("ses", *named)
        place = (self._origin.region, self._origin.account_id)
        resource = iam_actions.extract_resource_arn("ses", *named, *place)
        denial = await self._denial(access_key, [Check(action=action, resource=resource)])
        if denial is not None:
            reason = (
                f"User: {denial.principal} is not authorized to perform: {action} on resource: {resource}"
            )
            raise SesError(ACCESS_DENIED_V1 if request.url.path == "/" else ACCESS_DENIED, reason)

    async def _denial(self, access_key: str, checks: Iterable[Check]) -> Denial | None:
        principal = await self._resources.principal(access_key)
        if isinstance(principal, iam_evaluator.AuthError):
            raise SesError(UNRECOGNIZED_CLIENT, principal.message)
        if principal.policies is None:  # the root user
            return None
        for check in checks:
            if not self._allows(principal, check):
                denial = Denial(principal=principal.arn, action=check.action, resource=check.resource)
                record(self._denials, denial)
                return denial
        return None

    def _allows(self, principal: iam_evaluator.PrincipalInfo, check: Check) -> bool:
        context = iam_evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=check.action,
            resource_arn=check.resource,
            region=self._origin.region,
            # queues and topics would refuse this machine's HTTP, too
            secure_transport=True,
            service_context={"aws:tagkeys": None, **check.conditions},
            principal_keys=principal.keys,
        )
        result = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
        allowed = bool(result.decision == _ALLOWED)
        if allowed:
            self._used.note(principal.arn, check.action, check.resource)
        return allowed


def _query(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}
