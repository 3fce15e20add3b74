"""What the simulator does not handle goes to MiniStack, and back, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import httpx
import msgspec
from starlette.responses import Response

from infra.local.ses.refusals import SERVICE_UNAVAILABLE, Refusal
from infra.local.ses.resources import (
    Action,
    Rule,
    S3Action,
    SnsAction,
)

if TYPE_CHECKING:
    from starlette.requests import Request

# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and the length, which is counted anew
_OF_THE_CONNECTION: Final = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"te")
)
TIMEOUT_SECONDS: Final = 60.0


class Upstream:
    """The embedded AWS behind the simulator."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def pass_on(self, request: Request, body: bytes) -> Response:
        """Put the request to MiniStack, path, query and headers unchanged."""
        query = request.scope["query_string"].decode("latin-1")
        path = request.scope["raw_path"].decode("latin-1")
        asked = self._client.build_request(
            request.method,
            f"{self._url}{path}{'?' if query else ''}{query}",
            headers=[(k, v) for k, v in request.headers.raw if k.lower() not in _OF_THE_CONNECTION],
            content=body,
        )
        try:
            answer = await self._client.send(asked, stream=True)
            try:
                content = b"".join([chunk async for chunk in answer.aiter_raw()])
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            reason = (
                f"The embedded AWS at {self._url} does not answer ({type(error).__name__}): start it first"
            )
            raise Refusal(SERVICE_UNAVAILABLE, reason) from error
        passed = Response(content, status_code=answer.status_code)
        own = [(k.lower(), v) for k, v in answer.headers.raw if k.lower() not in _OF_THE_CONNECTION]
        passed.raw_headers = [*own, (b"content-length", str(len(content)).encode())]
        return passed


class _Form(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a Query request."""

    fields: dict[str, str]

    def get(self, name: str) -> str | None:
        return self.fields.get(name) or None


def made_rule(body: bytes) -> Rule | None:
    """Read the rule that a `CreateReceiptRule` (Query protocol) makes; None for any other request.

    Only what SES tries out when the rule is made is read: the S3 and SNS actions.
    """
    form = _Form(
        fields={name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    )
    if form.get("Action") != "CreateReceiptRule":
        return None
    actions: list[Action] = []
    for position in range(1, 11):
        prefix = f"Rule.Actions.member.{position}."
        bucket = form.get(f"{prefix}S3Action.BucketName")
        topic = form.get(f"{prefix}SNSAction.TopicArn")
        if bucket is not None:
            actions.append(_stores(form, f"{prefix}S3Action.", bucket))
        elif topic is not None:
            encoding = form.get(f"{prefix}SNSAction.Encoding") or "UTF-8"
            actions.append(Action(sns_action=SnsAction(topic_arn=topic, encoding=encoding)))
    return Rule(name=form.get("Rule.Name") or "", actions=tuple(actions))


def _stores(form: _Form, prefix: str, bucket: str) -> Action:
    return Action(
        s3_action=S3Action(
            bucket_name=bucket,
            object_key_prefix=form.get(f"{prefix}ObjectKeyPrefix") or "",
            topic_arn=form.get(f"{prefix}TopicArn"),
        )
    )
