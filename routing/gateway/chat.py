"""POST /v1/chat/completions: from the cache when it has the answer, else from the provider."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from routing.config import RuntimeConfig
from routing.engine import Engine
from routing.errors import ProviderError
from routing.flights import Ending, Flights, Lease
from routing.gateway.accounting import book_completion
from routing.gateway.boarding import Boarded, Boarding, Passenger, failed, is_outage
from routing.gateway.completion import ProviderAnswer, StreamReader, parse_completion
from routing.gateway.endpoint import ActiveSource, Exchange
from routing.gateway.headers import NO_BUFFERING, SSE_TYPE, decision_header, pass_headers
from routing.gateway.hits import last_resort, send_hit
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
from routing.gateway.keeping import completion_to_keep
from routing.gateway.record import CallRecord
from routing.gateway.renewal import Renewals
from routing.gateway.request import ChatRequest, parse_chat_request, provider_body
from routing.providers.openai import AnswerLost, OpenAIProvider
from routing.providers.targets import Target, TargetBook
from routing.telemetry import metrics
from routing.types import Answer, Call, Lookup

logger = logging.getLogger(__name__)

_ABANDONED_STREAM_SECONDS = 30.0
"""How long a stream whose app has gone is read on, for its end tells what it cost."""

_MAX_ABANDONED = 256
"""Calls that are followed at once though their app has gone."""


class Background(Protocol):
    """Runs work that no call waits for, to its end."""

    def __call__(self, work: Coroutine[Any, Any, object]) -> bool:
        """Whether `work` will run; it is closed otherwise."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A call that the provider has to answer; with a `lease`, other calls may wait for it."""

    exchange: Exchange
    request: ChatRequest
    lookup: Lookup
    target: Target
    lease: Lease | None = None

    @property
    def awaited(self) -> bool:
        """Whether other calls wait for the answer."""
        return self.lease is not None and self.lease.awaited

    def ends(self, ending: Ending) -> None:
        """Have those who wait told `ending`, unless the answer is stored."""
        if self.lease is not None:
            self.lease.ending = ending

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
        flights: Flights,
        renewals: Renewals,
        background: Background,
        active: ActiveSource,
        config: RuntimeConfig,
    ) -> None:
        self._engine = engine
        self._active = active
        self._provider = provider
        self._targets = targets
        self._flights = flights
        self._boarding = Boarding(flights, wait_seconds=config.single_flight_wait_seconds)
        self._renewals = renewals
        self._background = background
        self._limits = JsonLimits(depth=config.max_json_depth, nodes=config.max_json_nodes)
        self._abandoned: set[str] = set()

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange. Raises CallError, ProviderError and ClientGone."""
        record = exchange.record
        request = parse_chat_request(
            exchange.body,
            tenant=record.grant.tenant.config.uid,
            cache_headers=exchange.head.cache_headers,
            limits=self._limits,
        )
        record.call = request.call
        record.stream = request.stream
        lookup = record.lookup = await self._engine.lookup(request.call, record.active)
        if lookup.answer is None:
            await self._pass(exchange, request, lookup)
        else:
            await self._serve(exchange, request, lookup, lookup.answer)

    async def _serve(
        self, exchange: Exchange, request: ChatRequest, lookup: Lookup, answer: Answer
    ) -> None:
        """Send `answer` as `lookup` found it, having it renewed when it is stale."""
        if lookup.plan is None:
            await send_hit(exchange, request, lookup, answer)
            return
        self._renewals.start(exchange.record, request, lookup.plan)
        await send_hit(exchange, request, lookup, answer, manner="stale-while-revalidate")

    async def _pass(self, exchange: Exchange, request: ChatRequest, lookup: Lookup) -> None:
        """Answer a miss by another call's answer or the provider's, or, when that fails, by an
        answer that is too old otherwise."""
        record = exchange.record
        target = self._targets.target(record.active, record.grant.tenant, model=request.call.model)
        try:
            boarded = await self._board(exchange, request, lookup, target)
            if boarded.lookup.answer is not None:
                await send_hit(
                    exchange, request, boarded.lookup, boarded.lookup.answer, manner="collapsed"
                )
                return
            record.provider = target.provider
            await self._forward(Miss(exchange, request, boarded.lookup, target, boarded.lease))
        except ProviderError as error:
            if lookup.stale is None or record.client_gone or not is_outage(error):
                raise
            await self._serve_after(error, exchange, request)

    async def _serve_after(
        self, error: ProviderError, exchange: Exchange, request: ChatRequest
    ) -> None:
        """Answer a call that the provider has failed, though too late otherwise.

        While the provider was asked, what was found before may have been removed, or grown too old
        even for this: then `error` is raised.
        """
        record = exchange.record
        lookup = await self._look_again(record, request.call)
        if lookup.answer is None and lookup.stale is None:
            raise error
        if record.provider:
            # The event tells how the call ended, which is well.
            metrics.provider_error(record.provider, error.code)
        if lookup.answer is not None:
            record.lookup = lookup
            await self._serve(exchange, request, lookup, lookup.answer)
        elif lookup.stale is not None:
            record.lookup = last_resort(lookup, lookup.stale)
            await send_hit(exchange, request, record.lookup, lookup.stale, manner="stale-if-error")

    async def _look_again(self, record: CallRecord, call: Call) -> Lookup:
        """Ask the cache once more, under the configuration in force by now: a call that has waited
        gets nothing that was withdrawn meanwhile."""
        active = self._active()
        if active is not None and call.tenant in active.tenants:
            record.active = active
        return await self._engine.lookup(call, record.active)

    async def _board(
        self, exchange: Exchange, request: ChatRequest, lookup: Lookup, target: Target
    ) -> Boarded:
        """Wait for a call that asks the same, if there is one, as the policy says."""
        record, plan = exchange.record, lookup.plan
        # A bypass asks for an answer of its own; what is not stored is no use to others.
        alone = lookup.decision.result != "miss" or request.call.controls.no_store
        if alone or plan is None or not plan.single_flight:
            return Boarded(lookup)

        async def look_again() -> Lookup:
            record.lookup = await self._look_again(record, request.call)
            return record.lookup

        def gone() -> float:
            record.client_gone = True
            return 0.0

        passenger = Passenger(
            lookup=lookup,
            target=target,
            look_again=look_again,
            patience=lambda: ClientWatch(exchange.receive, on_gone=gone),
        )
        try:
            return await self._boarding.board(passenger)
        except (ProviderError, ClientGone):
            raise
        except Exception:
            # The edge of the cache: no fault of ours may fail an app's call.
            metrics.cache_error("internal")
            logger.exception("chat.boarding_failed policy=%s", plan.policy)
            return Boarded(lookup)

    async def _forward(self, miss: Miss) -> None:
        record, lease = miss.exchange.record, miss.lease
        started = time.perf_counter_ns()
        try:
            await (self._stream(miss) if miss.request.stream else self._complete(miss))
        except ProviderError as error:
            miss.ends(failed(error, target=miss.target))
            if isinstance(error, AnswerLost):
                record.lose_usage()
            raise
        except (ClientGone, asyncio.CancelledError):
            miss.ends(Ending("gone"))
            record.lose_usage()
            raise
        finally:
            record.provider_us = record.provider_us or _microseconds_since(started)
            self._abandoned.discard(record.id)
            if lease is not None and not lease.landing:
                if record.client_gone and lease.ending.kind == "not_stored":
                    # That it was not stored lies in this call, not in the answer.
                    lease.ending = Ending("gone")
                self._flights.give_up(lease)

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
        decision = record.lookup.decision if record.lookup else miss.lookup.decision
        headers = [
            JSON_TYPE,
            *pass_headers(
                decision,
                response_id=record.id,
                stored=stored,
                cost_nanousd=record.cost.nanousd,
            ),
        ]
        if request.call.controls.explain:
            headers.append(decision_header(decision))
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
            record = miss.exchange.record
            record.client_gone = True
            self._abandoned.add(record.id)
            return seconds if len(self._abandoned) <= _MAX_ABANDONED else 0.0

        return ClientWatch(miss.exchange.receive, on_gone=gone)

    def _end_stream(
        self, miss: Miss, reader: StreamReader, *, broken: ProviderError | None
    ) -> bytes:
        """Book and keep what was streamed; returns what the app is still to be told."""
        record, answer = miss.exchange.record, reader.answer()
        book_completion(record, miss.request.call, answer, target=miss.target)
        if reader.failed:
            # The app has been told in the provider's own words.
            reported = ProviderError(
                "The provider reported an error.", status=502, code="provider_stream_error"
            )
            miss.ends(failed(reported, target=miss.target))
            record.finish(reported.status, error=reported.code)
            return b""
        if broken is None and not reader.ended:
            broken = ProviderError(
                "The provider's stream ended early.", status=502, code="provider_stream_cut"
            )
        if broken is None:
            self._keep(miss, answer)
            record.finish(200)
            return b""
        miss.ends(failed(broken, target=miss.target))
        # Status 200 has left already; the client libraries raise on an error event.
        record.finish(broken.status, error=broken.code)
        error = error_body(broken.message, status=broken.status, code=broken.code)
        return b"data: " + error + b"\n\n"

    def _keep(self, miss: Miss, answer: ProviderAnswer) -> bool:
        """Store a complete answer in the background, where the lookup planned it."""
        plan, lease = miss.lookup.plan, miss.lease
        if plan is None:
            return False
        completion = completion_to_keep(
            miss.exchange.record,
            miss.request,
            answer,
            target=miss.target,
            plan=plan,
            awaited=miss.awaited,
        )
        if completion is None:
            return False
        if lease is None:
            return self._background(self._engine.store(plan, completion))
        work = self._flights.land(lease, lambda: self._engine.store(plan, completion))
        lease.landing = self._background(work)
        return lease.landing


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
