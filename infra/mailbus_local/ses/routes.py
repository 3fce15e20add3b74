"""The HTTP routes: SES operations, the control API, and the passthrough to MiniStack."""

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

from mailbus_local.ses import control
from mailbus_local.ses.connection_reset import ConnectionReset
from mailbus_local.ses.errors import InvalidControlRequest, MailRejected, SesError
from mailbus_local.ses.operations.creations import check_creation, check_receipt_rule
from mailbus_local.ses.operations.get_account import get_account
from mailbus_local.ses.operations.identity_notifications import (
    IdentityCall,
    answer_identity_call,
    parse_identity_call,
)
from mailbus_local.ses.operations.identity_settings import (
    put_dkim_attributes,
    put_mail_from_attributes,
)
from mailbus_local.ses.operations.render_template import render_email_template
from mailbus_local.ses.operations.send_bulk_email import send_bulk_email
from mailbus_local.ses.operations.send_email import send_email
from mailbus_local.ses.operations.suppression_list import (
    ListRequest,
    delete_suppressed_destination,
    get_suppressed_destination,
    list_suppressed_destinations,
    put_account_suppression_attributes,
    put_suppressed_destination,
)
from mailbus_local.ses.query_protocol import query_error_response
from mailbus_local.ses.receiving.receiver import Transaction
from mailbus_local.ses.receiving.verdicts import parse_verdicts
from mailbus_local.ses.requests import SendBulkEmail, SendEmail, SendingAttributes, parse_request
from mailbus_local.ses.sending.calls import Caller
from mailbus_local.ses.state.faults import (
    CONNECTION_RESET,
    GET_ACCOUNT,
    SEND_BULK_EMAIL,
    SEND_EMAIL,
    Fault,
    parse_faults,
)
from mailbus_local.ses.state.receipt_rules import Rule, parse_create_receipt_rule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from mailbus_local.ses.passthrough import Passthrough
    from mailbus_local.ses.receiving.receiver import Receiver
    from mailbus_local.ses.state.simulator import SimulatorState

    Endpoint = Callable[[Request], Awaitable[Response]]
    Operation = Callable[[Request, bytes], Awaitable[object]]

_LOG = logging.getLogger(__name__)
_ACCESS_KEY: Final = re.compile(r"Credential=([^/,\s]+)/")
_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_BARE_ADDRESS: Final = re.compile(r"[^\r\n<>]*")


class Routes:
    """The endpoints of one simulator."""

    def __init__(self, state: SimulatorState, receiver: Receiver, passthrough: Passthrough) -> None:
        self._state = state
        self._receiver = receiver
        self._passthrough = passthrough

    def application(self) -> Starlette:
        """Return the ASGI application."""
        own, ses = "/_simulator", "/v2/email"
        return Starlette(
            routes=[
                Route(f"{own}/messages", self._control(self._messages), methods=["GET"]),
                Route(f"{own}/messages/{{message_id}}", self._control(self._message), methods=["GET"]),
                Route(f"{own}/subjects", self._control(self._subjects), methods=["GET"]),
                Route(f"{own}/account", self._control(self._account), methods=["GET", "PUT"]),
                Route(f"{own}/pace", self._control(self._pace), methods=["GET"]),
                Route(f"{own}/faults", self._control(self._faults), methods=["GET", "POST", "DELETE"]),
                Route(f"{own}/faults/{{id:int}}", self._control(self._remove_fault), methods=["DELETE"]),
                Route(f"{own}/events/{{message_id}}", self._control(self._event), methods=["POST"]),
                Route(f"{own}/identities/{{name}}", self._control(self._identity), methods=["GET", "PUT"]),
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
                Route(
                    f"{ses}/account",
                    self._operation(GET_ACCOUNT, self._authorized(self._get_account)),
                    methods=["GET"],
                ),
                Route(f"{ses}/account/sending", self._answer(self._put_sending), methods=["PUT"]),
                Route(
                    f"{ses}/account/suppression",
                    self._answer(self._put_suppression_attributes),
                    methods=["PUT"],
                ),
                Route(
                    f"{ses}/suppression/addresses",
                    self._answer(self._suppression_list),
                    methods=["GET", "PUT"],
                ),
                Route(
                    f"{ses}/suppression/addresses/{{email:path}}",
                    self._answer(self._suppressed_destination),
                    methods=["GET", "DELETE"],
                ),
                Route(f"{ses}/identities/{{name}}", self._get_identity, methods=["GET"]),
                Route(f"{ses}/identities/{{name}}/dkim", self._answer(self._put_dkim), methods=["PUT"]),
                Route(
                    f"{ses}/identities/{{name}}/mail-from", self._answer(self._put_mail_from), methods=["PUT"]
                ),
                Route(
                    f"{ses}/templates/{{name}}/render", self._answer(self._render_template), methods=["POST"]
                ),
                Route("/{rest:path}", self._forward, methods=_METHODS),
            ]
        )

    def _operation(self, name: str, operation: Operation) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            limits = self._state.account.limits
            if limits.latency_ms:
                await asyncio.sleep(limits.latency_ms / 1000)
            fault = self._state.faults.next(name)
            if fault is not None:
                self._state.account.counters.faulted += 1
                if not fault.after_accept:
                    return _fault_response(fault)
            try:
                result = await operation(request, body)
            except SesError as error:
                return _error_response(error)
            return _json(result) if fault is None else _fault_response(fault)

        return endpoint

    async def _send_email(self, request: Request, body: bytes) -> object:
        send_request = parse_request(body, SendEmail)
        return {"MessageId": await send_email(self._state, send_request, _caller(request))}

    async def _send_bulk(self, request: Request, body: bytes) -> object:
        send_request = parse_request(body, SendBulkEmail)
        return {"BulkEmailEntryResults": await send_bulk_email(self._state, send_request, _caller(request))}

    async def _get_account(self, _request: Request, _body: bytes) -> object:
        return get_account(self._state.account, self._state.suppression_list)

    def _answer(self, operation: Operation) -> Endpoint:
        """Return the endpoint of an operation that has no faults and no latency."""
        authorized = self._authorized(operation)

        async def endpoint(request: Request) -> Response:
            try:
                return _json(await authorized(request, await request.body() or b"{}"))
            except SesError as error:
                return _error_response(error)

        return endpoint

    def _authorized(self, operation: Operation) -> Operation:
        """Return an operation that a caller needs the right to. Those that send check more than its name."""

        async def authorized(request: Request, body: bytes) -> object:
            await self._state.authorization.require_call(_caller(request).identity, request, body)
            return await operation(request, body)

        return authorized

    async def _put_sending(self, _request: Request, body: bytes) -> object:
        attributes = parse_request(body, SendingAttributes)
        account = self._state.account
        changed = msgspec.structs.replace(account.limits, sending_enabled=attributes.sending_enabled)
        account.change(changed, None)
        return {}

    async def _put_suppression_attributes(self, _request: Request, body: bytes) -> object:
        return put_account_suppression_attributes(self._state.suppression_list, body)

    async def _suppression_list(self, request: Request, body: bytes) -> object:
        if request.method == "PUT":
            return put_suppressed_destination(self._state.suppression_list, body)
        query = request.query_params
        wanted = ListRequest(
            reasons=tuple(query.getlist("Reason")),
            start_date=query.get("StartDate"),
            end_date=query.get("EndDate"),
            page_size=query.get("PageSize"),
            next_token=query.get("NextToken"),
        )
        return list_suppressed_destinations(self._state.suppression_list, wanted)

    async def _suppressed_destination(self, request: Request, _body: bytes) -> object:
        email = request.path_params["email"]
        if request.method == "DELETE":
            return delete_suppressed_destination(self._state.suppression_list, email)
        return get_suppressed_destination(self._state.suppression_list, email)

    async def _render_template(self, request: Request, body: bytes) -> object:
        return await render_email_template(self._state, request.path_params["name"], body)

    async def _get_identity(self, request: Request) -> Response:
        answer = await self._forward(request)
        if answer.status_code != HTTPStatus.OK:
            return answer
        found = msgspec.json.decode(answer.body)
        return _json(self._state.identity_states.answer(request.path_params["name"], found))

    async def _put_dkim(self, request: Request, body: bytes) -> object:
        return await put_dkim_attributes(self._state, request.path_params["name"], body)

    async def _put_mail_from(self, request: Request, body: bytes) -> object:
        return await put_mail_from_attributes(self._state, request.path_params["name"], body)

    async def _forward(self, request: Request) -> Response:
        body = await request.body()
        call = parse_identity_call(body) if request.method == "POST" else None
        if call is not None:
            return await self._identity_notifications(request, body, call)
        resources = self._state.resources
        try:
            await check_creation(request.method, request.url.path, body, self._state)
            rule = parse_create_receipt_rule(body) if request.method == "POST" else None
            if rule is not None:
                await check_receipt_rule(rule, resources)
            answer = await self._passthrough.forward(request, body)
        except SesError as error:
            return _error_response(error) if request.url.path != "/" else _query_error(error)
        if request.method != "GET" and answer.status_code < HTTPStatus.BAD_REQUEST:
            resources.clear()
            if rule is not None:
                await self._publish_setup_notification(rule.rule)
        return answer

    async def _identity_notifications(self, request: Request, body: bytes, call: IdentityCall) -> Response:
        state = self._state
        try:
            await state.authorization.require_call(_caller(request).identity, request, body)
            answer = await answer_identity_call(call, state.notifications, state.resources)
        except SesError as error:
            return _query_error(error)
        return Response(answer, media_type="text/xml")

    async def _publish_setup_notification(self, rule: Rule) -> None:
        try:
            await self._receiver.publish_setup_notification(rule, self._state.origin.region)
        except MailRejected as error:
            _LOG.warning("the setup notification of rule %s failed: %s", rule.name, error.smtp)

    def _control(self, handle: Callable[[Request], Awaitable[object]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                return _json(await handle(request))
            except InvalidControlRequest as error:
                return _json({"error": error.reason}, error.status)
            except MailRejected as error:
                return _json({"error": error.smtp, "smtp_reply": error.smtp}, error.status)
            except SesError as error:
                return _json({"error": error.reason}, 502)

        return endpoint

    async def _messages(self, request: Request) -> object:
        return self._state.store.page(request.query_params.get("next"))

    async def _message(self, request: Request) -> object:
        return self._state.store.content(request.path_params["message_id"])

    async def _subjects(self, request: Request) -> object:
        query = request.query_params
        return self._state.store.subjects(
            message_ids=dict.fromkeys(query.getlist("message_id")),
            job_ids=frozenset(query.getlist("job_id")),
            contains=query.get("contains"),
        )

    async def _account(self, request: Request) -> object:
        if request.method == "PUT":
            control.change_account(self._state.account, await request.body())
        return control.account_state(self._state)

    async def _pace(self, _request: Request) -> object:
        return self._state.account.pace.state()

    async def _identity(self, request: Request) -> object:
        states, name = self._state.identity_states, request.path_params["name"]
        if request.method == "PUT":
            return control.change_identity(states, name, await request.body())
        return states.state(name)

    async def _faults(self, request: Request) -> object:
        if request.method == "POST":
            self._state.faults.add(parse_faults(await request.body()))
        elif request.method == "DELETE":
            self._state.faults.clear()
        return control.pending_faults(self._state.faults.pending())

    async def _remove_fault(self, request: Request) -> object:
        self._state.faults.remove(request.path_params["id"])
        return control.pending_faults(self._state.faults.pending())

    async def _event(self, request: Request) -> object:
        message_id = request.path_params["message_id"]
        return await control.publish_event(self._state, message_id, await request.body())

    async def _inbound(self, request: Request) -> object:
        recipients = tuple(request.query_params.getlist("rcpt_to"))
        mail_from = request.query_params.get("mail_from")
        if mail_from is None or not recipients:
            reason = (
                "?mail_from= (empty for a bounce) and rcpt_to= (once or more) are required; "
                "the body is the raw mail"
            )
            raise InvalidControlRequest(reason)
        if not all(_BARE_ADDRESS.fullmatch(address) for address in (mail_from, *recipients)):
            reason = "mail_from and rcpt_to must be bare addresses, such as user@example.com"
            raise InvalidControlRequest(reason)
        envelope = {"mail_from", "rcpt_to"}
        given = parse_verdicts({name: v for name, v in request.query_params.items() if name not in envelope})
        peer = request.client.host if request.client else "127.0.0.1"
        transaction = Transaction(mail_from=mail_from, recipients=recipients, peer=peer)
        return await self._receiver.receive(transaction, await request.body(), given)

    async def _unknown(self, request: Request) -> object:
        reason = (
            f"{request.method} {request.url.path} does not exist; the control API has messages, subjects, "
            "account, pace, faults, identities/{name}, events/{message_id} and inbound"
        )
        raise InvalidControlRequest(reason, 404)


def _fault_response(fault: Fault) -> Response:
    if fault.error == CONNECTION_RESET:
        return ConnectionReset()
    return _error_response(fault.ses_error())


def _error_response(error: SesError) -> Response:
    # SES uses this media type for errors, unlike most REST-JSON services.
    return Response(
        msgspec.json.encode({"message": error.reason}),
        status_code=error.status,
        headers={"x-amzn-errortype": error.code},
        media_type="application/x-amz-json-1.1",
    )


def _query_error(error: SesError) -> Response:
    return Response(query_error_response(error), error.status, media_type="text/xml")


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def _caller(request: Request) -> Caller:
    found = _ACCESS_KEY.search(request.headers.get("authorization", ""))
    return Caller(
        identity=found[1] if found else "anonymous",
        source_ip=request.client.host if request.client else "127.0.0.1",
    )
