"""POST /v1/chat/completions: from the cache when it has the answer, else from the provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from routing.engine import Engine
from routing.errors import ProviderError
from routing.gateway.accounting import book_completion, book_hit
from routing.gateway.completion import ProviderAnswer, StreamReader, parse_completion
from routing.gateway.endpoint import Exchange
from routing.gateway.headers import (
    NO_BUFFERING,
    SSE_TYPE,
    decision_header,
    hit_headers,
    pass_headers,
)
from routing.gateway.http import (
    JSON_TYPE,
    ClientGone,
    ClientWatch,
    Message,
    Send,
    error_body,
    send_answer,
)
from routing.gateway.json_body import JsonLimits
from routing.gateway.replay import completion_body, stream_body
from routing.gateway.request import ChatRequest, parse_chat_request, provider_body
from routing.providers.openai import AnswerLost, OpenAIProvider
from routing.providers.targets import Target, TargetBook
from routing.types import Answer, Completion, Lookup

_ABANDONED_STREAM_SECONDS = 30.0
"""How long a stream whose app has gone is read on, for its end tells what it cost."""

_MAX_ABANDONED = 256
"""Calls that are followed at once though their app has gone."""


class Background(Protocol):
    """Runs work that no call waits for, to its end."""

    def __call__(self, work: Coroutine[Any, Any, object]) -> None: ...


@dataclass(frozen=True, slots=True)
class Miss:
    """A call that the provider has to answer."""

    exchange: Exchange
    request: ChatRequest
    lookup: Lookup
    target: Target

    def count_retry(self) -> bool:
        """Note that the provider is asked once more; False when nobody waits for it any longer."""
        if self.exchange.record.client_gone:
            return False
        self.exchange.record.attempts += 1
        return True


class ChatCompletions:
    """Handles chat completion exchanges."""

    def __init__(
        self,
        *,
        engine: Engine,
        provider: OpenAIProvider,
        targets: TargetBook,
        background: Background,
        limits: JsonLimits,
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._targets = targets
        self._background = background
        self._limits = limits
        self._abandoned = 0

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange. Raises CallError, ProviderError and ClientGone."""
        record = exchange.record
        request = parse_chat_request(
            exchange.body,
            tenant=record.grant.tenant.config.uid,
            cache_headers=exchange.head.cache_headers,
            limits=self._limits,
        )
        call = record.call = request.call
        record.stream = request.stream
        lookup = record.lookup = await self._engine.lookup(call, record.active)
        if lookup.answer is not None:
            await _send_hit(exchange, request, lookup, lookup.answer)
            return
        target = self._targets.target(record.active, record.grant.tenant, model=call.model)
        record.provider = target.provider
        miss = Miss(exchange, request, lookup, target)
        started = time.perf_counter_ns()
        try:
            await (self._stream(miss) if request.stream else self._complete(miss))
        except (AnswerLost, ClientGone, asyncio.CancelledError):
            record.lose_usage()
            raise
        finally:
            record.provider_us = record.provider_us or _microseconds_since(started)
            if record.client_gone:
                self._abandoned -= 1

    async def _complete(self, miss: Miss) -> None:
        exchange, request, target = miss.exchange, miss.request, miss.target
        record = exchange.record
        started = time.perf_counter_ns()
        # The provider's own time limit bounds the call, whether the app waits or not.
        async with self._watch(miss, seconds=None):
            body = await self._provider.complete(
                provider_body(request, target_model=target.model),
                target=target,
                may_retry=miss.count_retry,
            )
        record.provider_us = _microseconds_since(started)
        answer = parse_completion(body)
        book_completion(record, request.call, answer, target=target)
        stored = self._keep(miss, answer)
        headers = [
            JSON_TYPE,
            *pass_headers(
                miss.lookup.decision,
                response_id=record.id,
                stored=stored,
                cost_nanousd=record.cost.nanousd,
            ),
        ]
        if request.call.controls.explain:
            headers.append(decision_header(miss.lookup.decision))
        record.finish(200)
        await send_answer(exchange.send, body, headers=headers)

    async def _stream(self, miss: Miss) -> None:
        record, send = miss.exchange.record, miss.exchange.send
        reader = StreamReader(keep_usage=miss.request.include_usage)
        body = provider_body(miss.request, target_model=miss.target.model)
        started = time.perf_counter_ns()
        try:
            async with (
                self._watch(miss, seconds=_ABANDONED_STREAM_SECONDS) as watch,
                self._provider.stream(
                    body, target=miss.target, may_retry=miss.count_retry
                ) as pieces,
            ):
                await send(_stream_start(miss))
                broken: ProviderError | None = None
                try:
                    last = await _pass_on(pieces, reader, send)
                except ProviderError as error:
                    last, broken = b"", error
                record.provider_us = _microseconds_since(started)
                last += self._end_stream(miss, reader, broken=broken)
                watch.stop()
                await send({"type": "http.response.body", "body": last})
        except (ClientGone, asyncio.CancelledError):
            book_completion(record, miss.request.call, reader.answer(), target=miss.target)
            raise

    def _watch(self, miss: Miss, *, seconds: float | None) -> ClientWatch:
        """Watch the app; when it goes, its call may still take `seconds`, None without bound."""

        def gone() -> float | None:
            miss.exchange.record.client_gone = True
            self._abandoned += 1
            return seconds if self._abandoned <= _MAX_ABANDONED else 0.0

        return ClientWatch(miss.exchange.receive, on_gone=gone)

    def _end_stream(
        self, miss: Miss, reader: StreamReader, *, broken: ProviderError | None
    ) -> bytes:
        """Book and keep what was streamed; returns what the app is still to be told."""
        record, answer = miss.exchange.record, reader.answer()
        book_completion(record, miss.request.call, answer, target=miss.target)
        if reader.failed:
            # The app has been told in the provider's own words.
            record.finish(502, error="provider_stream_error")
            return b""
        if broken is None and not reader.ended:
            broken = ProviderError(
                "The provider's stream ended early.", status=502, code="provider_stream_cut"
            )
        if broken is None:
            self._keep(miss, answer)
            record.finish(200)
            return b""
        # Status 200 has left already; the client libraries raise on an error event.
        record.finish(broken.status, error=broken.code)
        error = error_body(broken.message, status=broken.status, code=broken.code)
        return b"data: " + error + b"\n\n"

    def _keep(self, miss: Miss, answer: ProviderAnswer) -> bool:
        """Store a complete answer in the background, where the lookup planned it."""
        plan = miss.lookup.plan
        if plan is None or not answer.complete or miss.request.call.controls.no_store:
            return False
        completion = Completion(
            text=answer.text,
            model=answer.model or miss.target.model,
            usage=answer.usage,
            cost_nanousd=miss.exchange.record.cost.nanousd,
        )
        self._background(self._engine.store(plan, completion))
        return True


async def _send_hit(
    exchange: Exchange, request: ChatRequest, lookup: Lookup, answer: Answer
) -> None:
    record, model = exchange.record, request.call.model
    created = int(time.time())
    headers = hit_headers(answer, lookup.decision, response_id=record.id)
    if request.stream:
        headers += (SSE_TYPE, *NO_BUFFERING)
        body = stream_body(
            answer,
            response_id=record.id,
            model=model,
            created=created,
            include_usage=request.include_usage,
        )
    else:
        headers.append(JSON_TYPE)
        body = completion_body(answer, response_id=record.id, model=model, created=created)
    if request.call.controls.explain:
        headers.append(decision_header(lookup.decision))
    book_hit(record, request.call, answer)
    record.finish(200)
    await send_answer(exchange.send, body, headers=headers)


async def _pass_on(pieces: AsyncIterator[bytes], reader: StreamReader, send: Send) -> bytes:
    """Send the stream on as it comes, except its end, which is returned.

    The app must not see the end before the call's event is kept.
    """
    async for piece in pieces:
        ready = reader.feed(piece)
        if reader.done or reader.failed:
            return ready
        if ready:
            await send({"type": "http.response.body", "body": ready, "more_body": True})
    return reader.rest()


def _stream_start(miss: Miss) -> Message:
    """Start of a streamed answer; its cost is not known yet, so no header tells it."""
    decision = miss.lookup.decision
    headers = [
        SSE_TYPE,
        *NO_BUFFERING,
        *pass_headers(decision, response_id=miss.exchange.record.id),
    ]
    if miss.request.call.controls.explain:
        headers.append(decision_header(decision))
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _microseconds_since(started_ns: int) -> int:
    return (time.perf_counter_ns() - started_ns) // 1000
