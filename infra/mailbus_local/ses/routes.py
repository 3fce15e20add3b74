"""The HTTP surface: SES v2 operations, the control side, and the way through to MiniStack."""

from __future__ import annotations

import asyncio
import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from mailbus_local.ses import control, faults, identity_calls, sending, wire
from mailbus_local.ses.connections import Reset
from mailbus_local.ses.faults import CONNECTION_RESET, GET_ACCOUNT, SEND_BULK_EMAIL, SEND_EMAIL
from mailbus_local.ses.refusals import InvalidControl, NotReceived, Refusal
from mailbus_local.ses.sending import Caller
from mailbus_local.ses.upstream import made_rule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from mailbus_local.ses.faults import Fault
    from mailbus_local.ses.receiving import Receiver
    from mailbus_local.ses.resources import Rule
    from mailbus_local.ses.sending import World
    from mailbus_local.ses.upstream import Upstream

    Endpoint = Callable[[Request], Awaitable[Response]]
    Operation = Callable[[Request, bytes], Awaitable[object]]

_LOG = logging.getLogger(__name__)
_ACCESS_KEY: Final = re.compile(r"Credential=([^/,\s]+)/")
_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_MAILBOX: Final = re.compile(r"[^\r\n<>]*")


class Routes:
    """The endpoints, on what they work with."""

    def __init__(self, world: World, receiver: Receiver, upstream: Upstream) -> None:
        self._world = world
        self._receiver = receiver
        self._upstream = upstream

    def application(self) -> Starlette:
        """Make the ASGI application."""
        own, ses = "/_simulator", "/v2/email"
        return Starlette(
            routes=[
                Route(f"{own}/messages", self._control(self._messages), methods=["GET"]),
                Route(f"{own}/account", self._control(self._account), methods=["GET", "PUT"]),
                Route(f"{own}/faults", self._control(self._faults), methods=["GET", "POST", "DELETE"]),
                Route(f"{own}/events/{{message_id}}", self._control(self._event), methods=["POST"]),
                Route(f"{own}/inbound", self._control(self._inbound), methods=["POST"]),
                Route(f"{own}/{{rest:path}}", self._control(self._unknown), methods=_METHODS),
                Route(
                    f"{ses}/outbound-emails", self._operation(SEND_EMAIL, self._send_email), methods=["POST"]
                ),
                Route(
                    f"{ses}/outbound-bulk-emails",
                    self._operation(SEND_BULK_EMAIL, self._send_bulk),
                    methods=["POST"],
                ),
                Route(f"{ses}/account", self._operation(GET_ACCOUNT, self._get_account), methods=["GET"]),
                Route(f"{ses}/account/sending", self._put_sending, methods=["PUT"]),
                Route("/{rest:path}", self._pass_on, methods=_METHODS),
            ]
        )

    def _operation(self, name: str, operate: Operation) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            limits = self._world.account.limits
            if limits.latency_ms:
                await asyncio.sleep(limits.latency_ms / 1000)
            fault = self._world.faults.next(name)
            if fault is not None:
                self._world.account.counters.faulted += 1
                if not fault.after_accept:
                    return _broken(fault)
            try:
                answer = await operate(request, body)
            except Refusal as refusal:
                return _refused(refusal)
            return _json(answer) if fault is None else _broken(fault)

        return endpoint

    async def _send_email(self, request: Request, body: bytes) -> object:
        asked = wire.send_email(body)
        return {"MessageId": await sending.send_email(self._world, asked, _caller(request))}

    async def _send_bulk(self, request: Request, body: bytes) -> object:
        asked = wire.send_bulk_email(body)
        return {"BulkEmailEntryResults": await sending.send_bulk_email(self._world, asked, _caller(request))}

    async def _get_account(self, _request: Request, _body: bytes) -> object:
        account = self._world.account
        account.read()
        return control.get_account(account)

    async def _put_sending(self, request: Request) -> Response:
        try:
            asked = wire.sending_attributes(await request.body() or b"{}")
        except Refusal as refusal:
            return _refused(refusal)
        account = self._world.account
        changed = msgspec.structs.replace(account.limits, sending_enabled=asked.sending_enabled)
        account.change(changed, None)
        return _json({})

    async def _pass_on(self, request: Request) -> Response:
        body = await request.body()
        call = identity_calls.read(body) if request.method == "POST" else None
        if call is not None:
            return await self._on_identity(call)
        try:
            answer = await self._upstream.pass_on(request, body)
        except Refusal as refusal:
            return _refused(refusal)
        if request.method != "GET" and answer.status_code < HTTPStatus.BAD_REQUEST:
            self._world.resources.forget()
            rule = made_rule(body) if request.method == "POST" else None
            if rule is not None:
                await self._try_out(rule)
        return answer

    async def _on_identity(self, call: identity_calls.Call) -> Response:
        world = self._world
        try:
            answer = await identity_calls.answer(call, world.notifications, world.resources)
        except Refusal as refusal:
            return Response(identity_calls.refused(refusal), refusal.status, media_type="text/xml")
        return Response(answer, media_type="text/xml")

    async def _try_out(self, rule: Rule) -> None:
        try:
            await self._receiver.rule_made(rule, self._world.origin.region)
        except NotReceived as refusal:
            _LOG.warning("the setup notification of rule %s failed: %s", rule.name, refusal.smtp)

    def _control(self, act: Callable[[Request], Awaitable[object]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                return _json(await act(request))
            except InvalidControl as error:
                return _json({"error": error.reason}, error.status)
            except NotReceived as error:
                return _json({"error": error.smtp, "smtp_reply": error.smtp}, error.status)
            except Refusal as error:
                return _json({"error": error.reason}, 502)

        return endpoint

    async def _messages(self, request: Request) -> object:
        return self._world.store.page(request.query_params.get("next"))

    async def _account(self, request: Request) -> object:
        if request.method == "PUT":
            control.change_account(self._world.account, await request.body())
        return control.account_state(self._world.account)

    async def _faults(self, request: Request) -> object:
        if request.method == "POST":
            self._world.faults.add(faults.parse(await request.body()))
        elif request.method == "DELETE":
            self._world.faults.clear()
        return control.waiting_faults(self._world.faults.waiting())

    async def _event(self, request: Request) -> object:
        message_id = request.path_params["message_id"]
        return await control.publish_event(self._world, message_id, await request.body())

    async def _inbound(self, request: Request) -> object:
        recipients = tuple(request.query_params.getlist("rcpt_to"))
        mail_from = request.query_params.get("mail_from")
        if mail_from is None or not recipients:
            reason = (
                "give ?mail_from= (empty for a bounce), one or more rcpt_to=, and the raw mail as the body"
            )
            raise InvalidControl(reason)
        if not all(_MAILBOX.fullmatch(address) for address in (mail_from, *recipients)):
            reason = "mail_from and rcpt_to are bare addresses, such as user@example.com"
            raise InvalidControl(reason)
        peer = request.client.host if request.client else "127.0.0.1"
        return await self._receiver.receive(mail_from, recipients, await request.body(), peer)

    async def _unknown(self, request: Request) -> object:
        reason = (
            f"{request.method} {request.url.path} is not part of the control side: messages, account, "
            "faults, events/{message_id} and inbound are"
        )
        raise InvalidControl(reason, 404)


def _broken(fault: Fault) -> Response:
    if fault.error == CONNECTION_RESET:
        return Reset()
    return _refused(fault.refusal())


def _refused(refusal: Refusal) -> Response:
    # SES answers errors with this media type, unlike most REST-JSON services
    return Response(
        msgspec.json.encode({"message": refusal.reason}),
        status_code=refusal.status,
        headers={"x-amzn-errortype": refusal.code},
        media_type="application/x-amz-json-1.1",
    )


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def _caller(request: Request) -> Caller:
    found = _ACCESS_KEY.search(request.headers.get("authorization", ""))
    return Caller(
        identity=found[1] if found else "anonymous",
        source_ip=request.client.host if request.client else "127.0.0.1",
    )
