"""What every app-facing endpoint shares: who calls, the body's limits, and how faults end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from routing.active import ActiveConfig
from routing.config import RuntimeConfig
from routing.errors import CallError, ProviderError
from routing.gateway.auth import authorize
from routing.gateway.headers import Headers, pass_headers
from routing.gateway.http import (
    JSON_TYPE,
    ClientGone,
    Receive,
    RequestHead,
    Scope,
    Send,
    error_body,
    read_body,
    read_head,
    send_answer,
    send_error,
)
from routing.gateway.json_body import bad_request
from routing.gateway.pressure import RETRY_AFTER_SECONDS, Pressure
from routing.gateway.record import CLIENT_CLOSED_REQUEST, CallRecord, EventKeeper
from routing.providers.openai import ProviderRefusal
from routing.types import Decision

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One authorised request and the way back to the app."""

    record: CallRecord
    body: bytes
    head: RequestHead
    receive: Receive
    send: Send


Handler = Callable[[Exchange], Awaitable[None]]
ActiveSource = Callable[[], ActiveConfig | None]


class CallEndpoint:
    """An ASGI application for one POST endpoint that apps call with their key.

    `handle` answers the exchange and finishes its record before the last byte of the answer; what
    it raises instead is answered here in OpenAI's error shape.
    """

    def __init__(
        self,
        handle: Handler,
        *,
        protocol: str,
        active: ActiveSource,
        keeper: EventKeeper,
        config: RuntimeConfig,
        pressure: Pressure,
    ) -> None:
        self._handle = handle
        self._protocol = protocol
        self._active = active
        self._keeper = keeper
        self._max_body_bytes = config.max_body_bytes
        self._pressure = pressure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _send_wrong_method(send)
            return
        head = read_head(scope["headers"])
        try:
            record = self._open(head)
        except CallError as error:
            await send_error(send, error)
            return
        try:
            with self._pressure.call_of(record.grant.tenant.config.uid):
                _refuse_repetition(head)
                body = await read_body(
                    receive, content_length=head.content_length, limit=self._max_body_bytes
                )
                await self._handle(Exchange(record, body, head, receive, send))
        except ClientGone:
            record.client_gone = True
            record.finish(CLIENT_CLOSED_REQUEST)
        except CallError as error:
            record.finish(error.status, error=error.code)
            await send_error(send, error, headers=_headers(record))
        except ProviderError as error:
            record.finish(error.status, error=error.code)
            await _send_provider_error(send, error, headers=_headers(record))
        except asyncio.CancelledError:
            stopping = _stopping()
            record.finish(stopping.status, error=stopping.code)
            # An answer that has begun can only be cut off, which the server does.
            with suppress(RuntimeError):
                await send_error(send, stopping, headers=_headers(record))
            raise
        except Exception:
            logger.exception("gateway.failed response=%s", record.id)
            record.finish(500, error="internal_error")
            await send_error(send, _internal_error(record), headers=_headers(record))

    def _open(self, head: RequestHead) -> CallRecord:
        active = self._active()
        grant = authorize(active, app_key=head.app_key, now=datetime.now(UTC))
        assert active is not None  # authorize refuses otherwise
        return CallRecord(self._keeper, active=active, grant=grant, protocol=self._protocol)


def _refuse_repetition(head: RequestHead) -> None:
    """Of two values of one control, one would be lost, and nobody could tell which."""
    if head.repeated:
        name = head.repeated.decode("latin-1")
        raise bad_request(f"{name} was sent twice; send it once.", param=name)


async def _send_wrong_method(send: Send) -> None:
    error = CallError("This endpoint takes POST.", status=405, code="method_not_allowed")
    await send_error(send, error, headers=[(b"allow", b"POST")])


async def _send_provider_error(send: Send, error: ProviderError, *, headers: Headers) -> None:
    body = error.body if error.body and _is_openai_error(error.body) else None
    if body is None:
        body = error_body(error.message, status=error.status, code=error.code)
    if isinstance(error, ProviderRefusal) and error.retry_after:
        headers.append((b"retry-after", error.retry_after.encode("latin-1", "replace")))
    await send_answer(send, body, headers=[JSON_TYPE, *headers], status=error.status)


def _headers(record: CallRecord) -> Headers:
    decision = record.lookup.decision if record.lookup else None
    if decision is None:
        decision = Decision(result="bypass", layer="none", revision=record.active.revision)
    headers = pass_headers(decision, response_id=record.id, cost_nanousd=0)
    if record.attempts > 1:
        # The client libraries would ask as often again.
        headers.append((b"x-should-retry", b"false"))
    return headers


def _stopping() -> CallError:
    return CallError(
        "The gateway is being stopped and cannot wait for the answer any longer; try again.",
        status=503,
        code="stopping",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _internal_error(record: CallRecord) -> CallError:
    return CallError(
        f"The gateway failed; its log names the cause under {record.id}.",
        status=500,
        code="internal_error",
    )


class _OpenAIError(msgspec.Struct):
    error: dict[str, msgspec.Raw]


def _is_openai_error(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=_OpenAIError)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True
