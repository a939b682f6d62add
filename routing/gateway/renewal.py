"""Renewing, in the background, stored answers that were served past their lifetime."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from routing.engine import Engine
from routing.errors import ProviderError
from routing.flights import Ending, Flights, Lease
from routing.gateway.accounting import book_completion
from routing.gateway.boarding import failed
from routing.gateway.completion import parse_completion
from routing.gateway.keeping import completion_to_keep
from routing.gateway.record import CLIENT_CLOSED_REQUEST, CallRecord, EventKeeper
from routing.gateway.request import ChatRequest, provider_body
from routing.providers.openai import AnswerLost, OpenAIProvider
from routing.providers.targets import TargetBook
from routing.types import Decision, LayerVerdict, Lookup, StorePlan

logger = logging.getLogger(__name__)

MAX_RENEWALS = 32
"""At once in one process; what is not renewed now is when it is asked for next."""

_REVALIDATION = LayerVerdict(layer="none", result="bypass", reason="revalidation")


class Renewals:
    """Asks the provider again for answers that were served stale.

    Of all processes one renews an answer, and not again for some seconds, whether it could or not.
    Each renewal leaves an event of its own, whose reason is ``revalidation``.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        provider: OpenAIProvider,
        targets: TargetBook,
        flights: Flights,
        keeper: EventKeeper,
        spawn: Callable[[Coroutine[Any, Any, object]], None],
        on_error: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._targets = targets
        self._flights = flights
        self._keeper = keeper
        self._spawn = spawn
        self._on_error = on_error
        self._under_way: set[tuple[str, str, str]] = set()

    def start(self, record: CallRecord, request: ChatRequest, plan: StorePlan) -> None:
        """Have what `plan` stores renewed for the call of `record`, which nobody waits for."""
        name = (plan.tenant, plan.partition, plan.entry_id)
        if name in self._under_way:
            return
        if len(self._under_way) >= MAX_RENEWALS:
            self._on_error("renewal_queue")
            return
        self._under_way.add(name)
        self._spawn(self._run(record, request, plan, name))

    async def _run(
        self, record: CallRecord, request: ChatRequest, plan: StorePlan, name: tuple[str, str, str]
    ) -> None:
        try:
            joined = await self._flights.join(plan, near=False)
            if isinstance(joined, Lease):
                await self._renew(self._record(record), request, plan, joined)
        except Exception:
            # Nobody waits for this work, so nobody else would hear of its failure.
            self._on_error("internal")
            logger.exception("renewal.failed policy=%s", plan.policy)
        finally:
            self._under_way.discard(name)

    async def _renew(
        self, record: CallRecord, request: ChatRequest, plan: StorePlan, lease: Lease
    ) -> None:
        try:
            await self._ask(record, request, plan, lease)
        except ProviderError as error:
            if isinstance(error, AnswerLost):
                record.lose_usage()
            record.finish(error.status, error=error.code)
        except asyncio.CancelledError:
            record.lose_usage()
            record.finish(CLIENT_CLOSED_REQUEST, error="cancelled")
            lease.ending = Ending("gone")
            raise
        except BaseException:
            record.finish(500, error="internal_error")
            raise
        finally:
            if not lease.landing:
                await self._flights.end(lease)

    async def _ask(
        self, record: CallRecord, request: ChatRequest, plan: StorePlan, lease: Lease
    ) -> None:
        active, call = record.active, request.call
        target = self._targets.target(active, record.grant.tenant, model=call.model)
        record.call, record.provider = call, target.provider

        def count_retry() -> bool:
            record.attempts += 1
            return True

        try:
            body = await self._provider.complete(
                provider_body(_whole(request), target_model=target.model),
                target=target,
                may_retry=count_retry,
            )
        except ProviderError as error:
            lease.ending = failed(error, target=target)
            raise
        answer = parse_completion(body)
        book_completion(record, call, answer, target=target)
        completion = completion_to_keep(
            record, request, answer, target=target, plan=plan, awaited=True
        )
        record.finish(200)
        if completion is not None:
            lease.landing = True
            await self._flights.land(lease, lambda: self._engine.store(plan, completion))

    def _record(self, served: CallRecord) -> CallRecord:
        """The account of a renewal that the call of `served` caused."""
        record = CallRecord(self._keeper, active=served.active, grant=served.grant, protocol="chat")
        decision = Decision(
            result="bypass",
            layer="none",
            revision=served.active.revision,
            policy=served.lookup.decision.policy if served.lookup else "",
            layers=(_REVALIDATION,),
        )
        record.lookup = Lookup(decision=decision)
        return record


def _whole(request: ChatRequest) -> ChatRequest:
    """`request` without its wish for a stream, which nobody would read."""
    body = {
        name: value
        for name, value in request.body.items()
        if name not in ("stream", "stream_options")
    }
    return replace(request, body=body, stream=False, include_usage=False)
