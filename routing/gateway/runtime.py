"""The parts of one running gateway: made, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from routing.config import RuntimeConfig
from routing.connection import connect, stop_tasks
from routing.embedding.pool import EmbedderPool, ModelKey, PooledEmbedder
from routing.embedding.remote import RemoteEmbedder
from routing.embedding.runtime import Embedder
from routing.embedding_models import parse_model_name
from routing.engine import Engine
from routing.flights import Flights
from routing.gateway.record import UNPRICED
from routing.providers.openai import OpenAIProvider
from routing.providers.targets import TargetBook
from routing.reembedding import Reembedder
from routing.snapshot_source import SnapshotSource, Vitals
from routing.store.entries import EntryStore
from routing.store.flights import FlightStore
from routing.store.housekeeping import Housekeeping
from routing.store.limits import OverallLimits
from routing.store.patience import BOARD_SHARE
from routing.telemetry import metrics
from routing.telemetry.events import Event
from routing.telemetry.sink import EventSink
from routing.telemetry.split_reporter import report_splits

logger = logging.getLogger(__name__)

_MODELS_DIR = "models"
_PATIENT_SECONDS = 5.0
_BACKGROUND_SECONDS = 1.5
_PARTS_SECONDS = 0.8
"""With what the sink takes, all of `close` stays below the 5 s that operators are told of."""

_MAX_STORES = 256
"""Answers waiting to be stored; each holds its text and vector."""

_STORES_AT_ONCE = 32
"""Below the client's own limit of connections, at which it refuses."""


class Runtime:
    """Everything one process needs to answer calls.

    `start` returns as soon as calls can be taken; the embedding model may still be loading, and
    until it is there calls go on without the cache.
    """

    def __init__(self, config: RuntimeConfig) -> None:
        """Raises ConfigError when a setting is malformed."""
        budget = config.cache_budget_ms / 1000
        self.config = config
        self._fast = connect(config.redis_url, timeout_seconds=budget, caller_bounds=True)
        self.patient_redis = connect(config.redis_url, timeout_seconds=_PATIENT_SECONDS)
        self.source = SnapshotSource(
            config,
            vitals=self._vitals,
            before_adoption=lambda active: self.embedders.follow(active),
        )
        self.sink = EventSink(config)
        self.targets = TargetBook(config)
        self.provider = OpenAIProvider(timeout_seconds=config.provider_timeout_seconds)
        self.embedders = EmbedderPool(
            default=config.embedding_model,
            max_local=config.embedding_max_models,
            make=self._embedder,
            target=self.targets.embedding_target,
            on_error=metrics.cache_error,
            kept_in=config.data_dir / _MODELS_DIR,
        )
        self._housekeeping = self._keep_house()
        store = EntryStore(
            fast=self._fast,
            patient=self.patient_redis,
            budget_seconds=budget,
            served=self._housekeeping.served,
        )
        self.engine = Engine(
            store=store,
            embedder=self.embedders.of_tenant,
            on_error=metrics.cache_error,
        )
        self.flights = Flights(
            FlightStore(
                fast=self._fast, patient=self.patient_redis, board_seconds=budget * BOARD_SHARE
            ),
            on_error=metrics.cache_error,
        )
        self._background: set[asyncio.Task[object]] = set()
        self._store_turns = asyncio.Semaphore(_STORES_AT_ONCE)
        self._stores: set[asyncio.Task[object]] = set()
        self._reembedder = Reembedder(
            self.patient_redis,
            store=store,
            models=self.embedders,
            active=lambda: self.source.active,
            on_error=metrics.cache_error,
            per_second=config.reembed_per_second,
        )
        self._running: list[asyncio.Task[None]] = []

    def _keep_house(self) -> Housekeeping:
        config = self.config
        return Housekeeping(
            self.patient_redis,
            active=lambda: self.source.active,
            overall=OverallLimits(config.cache_max_entries, config.cache_max_bytes),
            on_error=metrics.cache_error,
        )

    async def start(self) -> None:
        """Start every part; the embedding model goes on loading in the background."""
        await self.provider.start()
        await self.sink.start()
        self.embedders.start()
        await self.source.start()
        await self.engine.start()
        await self.flights.start()
        self._running = [
            *self._housekeeping.start(),
            asyncio.create_task(self._reembedder.run(), name="reembedder"),
            asyncio.create_task(
                report_splits(self.patient_redis, self.engine.splits, on_error=metrics.cache_error),
                name="splits",
            ),
        ]

    async def close(self) -> None:
        """Finish what calls left to do, then stop every part, all within 5 s."""
        await stop_tasks(self._running)
        if self._background:
            await asyncio.wait(self._background, timeout=_BACKGROUND_SECONDS)
        # What is under way still leaves its event, for which the sink must be there.
        await stop_tasks(self._background)
        await self._close_parts()
        await self.sink.close()
        await self._fast.aclose()
        await self.patient_redis.aclose()

    async def _close_parts(self) -> None:
        """Close what may wait for Redis, the provider or a running inference, for a bounded time:
        what they leave undone is nothing that is not made good elsewhere."""
        parts = {
            asyncio.create_task(close(), name=close.__qualname__)
            for close in (
                self.flights.close,
                self.engine.close,
                self.source.close,
                self.embedders.close,
                self.provider.close,
            )
        }
        done, late = await asyncio.wait(parts, timeout=_PARTS_SECONDS)
        for part in late:
            logger.warning("runtime.closed_in_haste part=%s", part.get_name())
        await stop_tasks(late)
        for part in done:
            if (error := part.exception()) is not None:
                logger.error("runtime.close_failed part=%s", part.get_name(), exc_info=error)

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run `work`, which no call waits for; `close` waits for it."""
        self._start(work)

    def spawn_store(self, work: Coroutine[Any, Any, object]) -> bool:
        """As `spawn`, for keeping an answer; dropped and counted while too many wait already.

        Returns whether it will run.
        """
        if len(self._stores) >= _MAX_STORES:
            work.close()
            metrics.cache_error("store_queue")
            return False
        task = self._start(self._in_turn(work))
        self._stores.add(task)
        task.add_done_callback(self._stores.discard)
        return True

    async def _in_turn(self, store: Coroutine[Any, Any, object]) -> None:
        try:
            async with self._store_turns:
                await store
        finally:
            store.close()

    def _start(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def record(self, event: Event) -> None:
        """Keep the event of a finished call and count it. Never raises."""
        self.sink.record(event)
        metrics.observe_call(event)
        if event.provider and event.error:
            metrics.provider_error(event.provider, event.error)
        if UNPRICED in event.reason:
            metrics.unpriced_call()

    def _vitals(self) -> Vitals:
        models = self.embedders.models()
        default = next((model for model in models if model.name == self.embedders.default), None)
        failed = sum(1 for model in models if model.error)
        ready = sum(1 for model in models if model.ready and not model.error)
        metrics.embedding_models(ready=ready, failed=failed, loading=len(models) - ready - failed)
        return Vitals(
            embedding_model=(default.model_id if default else "") or self.embedders.default,
            events_spooled=self.sink.spooled,
            error=self.sink.error,
            embedding_models=models,
            redis_memory_share=self._housekeeping.memory.share,
        )

    def _embedder(self, key: ModelKey) -> PooledEmbedder:
        config = self.config
        if key.target is None:
            return Embedder(
                key.name,
                cache_dir=config.data_dir / _MODELS_DIR,
                workers=config.embedding_workers,
                patience_seconds=config.embedding_budget_ms / 1000,
            )
        return RemoteEmbedder(
            parse_model_name(key.name),
            target=key.target,
            provider=self.provider,
            timeout_seconds=config.embedding_timeout_ms / 1000,
            on_tokens=metrics.embedding_tokens,
        )
