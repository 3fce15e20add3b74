"""Has MiniStack allow what the policies of a caller's role allow, and record what it denies.

MiniStack evaluates policies with `AUTH=true`; then a Lambda worker has a session of its function's role.
What it does otherwise than AWS is adapted here. This module is for MiniStack's own process.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

import msgspec
from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam, sns, sqs, sts

from mailbus_local import used_rights
from mailbus_local.denials import PRINCIPALS, Denial, record
from mailbus_local.used_rights import UsedRights

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_DEFAULT_GROUP: Final = ":schedule/default/"
# AWS has no such actions: a batch needs the right to the single call.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
_BATCH: Final = "Batch"
# Each statement needs the right to what it does, on its own table.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
_STATEMENTS: Final = "dynamodb:BatchExecuteStatement"
_PARTIQL: Final = re.compile(r'(?P<action>INSERT|UPDATE|DELETE|SELECT)\b[^"]*"(?P<table>[^"]+)"')


def enforce_roles(denials: Path) -> None:
    """Adapt MiniStack, before it serves."""
    _adapt_conditions()
    _adapt_callers()
    _adapt_actions()
    _record_denials(denials)
    _note_used(UsedRights(denials.with_name(used_rights.FILE)))
    app.app = _with_principals(app.app)


def _adapt_conditions() -> None:
    """Count each request as one with TLS, which queues, topics and buckets require: here is only HTTP."""
    resolve = iam_evaluator._resolve_condition_key  # noqa: SLF001 - it has no public name

    def resolve_condition_key(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_condition_key  # noqa: SLF001 - as above


def _adapt_callers() -> None:
    """Accept all credentials that MiniStack did not issue, as those of the account's root user."""
    known_root = iam_evaluator.is_root_access_key
    sessions, users = sts._sessions, iam._access_keys  # noqa: SLF001 - they have no public names

    def is_root_access_key(key: str) -> bool:
        return known_root(key) or not (key in sessions or any(name == key for _, name in users.to_dict()))

    iam_evaluator.is_root_access_key = sts.is_root_access_key = is_root_access_key
    # the simulated SNS changes requests that are signed
    iam_evaluator.authenticate = lambda _key, _account: None


def _adapt_actions() -> None:
    extract_action, extract_resource = iam_actions.extract_iam_action, iam_actions.extract_resource_arn
    checks_of_transaction = iam_actions.dynamodb_transaction_checks

    def extract_iam_action(service: str, *request: Any) -> str | None:
        action: str | None = extract_action(service, *request)
        return action.removesuffix(_BATCH) if action and service == "sqs" else action

    def extract_resource_arn(service: str, *request: Any) -> str:
        """Return the ARN of what a request names, schedules with their group."""
        arn: str = extract_resource(service, *request)
        if _DEFAULT_GROUP not in arn:
            return arn
        _method, _path, _headers, body, query, *_ = request
        named = json.loads(body or b"{}").get("GroupName") or next(iter(query.get("groupName", ())), None)
        return arn.replace(_DEFAULT_GROUP, f":schedule/{named or 'default'}/")

    def checks_of_items(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        """Return the actions and tables that a request of many items needs rights to."""
        if action != _STATEMENTS:
            checks: list[tuple[str, str]] = checks_of_transaction(action, body, region, account)
            return checks
        found = [_PARTIQL.match(each["Statement"]) for each in json.loads(body)["Statements"]]
        tables = f"arn:aws:dynamodb:{region}:{account}:table"
        return [
            # nobody has a right to a statement that is not understood
            (action, "*")
            if statement is None
            else (f"dynamodb:PartiQL{statement['action'].capitalize()}", f"{tables}/{statement['table']}")
            for statement in found
        ]

    iam_actions.dynamodb_transaction_checks = checks_of_items
    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.extract_resource_arn = extract_resource_arn


def _record_denials(denials: Path) -> None:
    enforce = iam_evaluator.enforce

    def recorded(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any
    ) -> Any:
        denied = enforce(access_key, action, service, region, resource_arn, **more)
        if denied is not None:
            principal = getattr(denied, "principal_arn", "") or access_key
            record(denials, Denial(principal=principal, action=action, resource=resource_arn))
        return denied

    def of_service(allows: Callable[..., bool], action: str) -> Callable[..., bool]:
        def recorded(resource_arn: str, service: str, *source: str) -> bool:
            allowed = allows(resource_arn, service, *source)
            if not allowed:
                record(denials, Denial(principal=service, action=action, resource=resource_arn))
            return allowed

        return recorded

    iam_evaluator.enforce = recorded
    sqs.queue_policy_allows = of_service(sqs.queue_policy_allows, "sqs:SendMessage")
    sns.topic_policy_allows = of_service(sns.topic_policy_allows, "sns:Publish")


def _note_used(used: UsedRights) -> None:
    evaluate = iam_evaluator.evaluate

    def noted(context: Any, *policies: Any) -> Any:
        result = evaluate(context, *policies)
        if result.decision == "Allow":
            used.note(context.principal_arn, context.action, context.resource_arn)
        return result

    iam_evaluator.evaluate = noted


def _with_principals(
    serve: Callable[[Any, Any, Any], Awaitable[None]],
) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Return MiniStack's application with `PRINCIPALS`."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if not path.startswith(PRINCIPALS):
            await serve(scope, receive, send)
            return
        key = urllib.parse.unquote(path.removeprefix(PRINCIPALS))
        found = iam_evaluator.resolve_principal(key, get_account_id())
        status = 403 if isinstance(found, iam_evaluator.AuthError) else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": msgspec.json.encode(found)})

    return application
