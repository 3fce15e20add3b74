"""What the simulator does not handle goes to MiniStack, and back, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import httpx
from starlette.responses import Response

from mailbus_local.ses.refusals import SERVICE_UNAVAILABLE, Refusal
from mailbus_local.ses.resources import Action, Rule, S3Action, SnsAction

if TYPE_CHECKING:
    from starlette.requests import Request

# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and the length, which is counted anew
_OF_THE_CONNECTION: Final = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"te")
)
TIMEOUT_SECONDS: Final = 60.0
# of a rule: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_ACTIONS: Final = 10


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


def made_rule(body: bytes) -> Rule | None:
    """Read the rule that a `CreateReceiptRule` (Query protocol) makes; None for any other request.

    Only what SES tries out when the rule is made is read: the S3 and SNS actions.
    """
    form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    if form.get("Action") != "CreateReceiptRule":
        return None
    actions: list[Action] = []
    for position in range(1, MAX_ACTIONS + 1):
        prefix = f"Rule.Actions.member.{position}."
        if bucket := form.get(f"{prefix}S3Action.BucketName"):
            key_prefix = form.get(f"{prefix}S3Action.ObjectKeyPrefix", "")
            topic = form.get(f"{prefix}S3Action.TopicArn")
            stores = S3Action(
                bucket_name=bucket,
                object_key_prefix=key_prefix,
                topic_arn=topic,
                kms_key_arn=form.get(f"{prefix}S3Action.KmsKeyArn"),
            )
            actions.append(Action(s3_action=stores))
        elif topic := form.get(f"{prefix}SNSAction.TopicArn"):
            encoding = form.get(f"{prefix}SNSAction.Encoding", "UTF-8")
            actions.append(Action(sns_action=SnsAction(topic_arn=topic, encoding=encoding)))
    return Rule(name=form.get("Rule.Name", ""), actions=tuple(actions))
