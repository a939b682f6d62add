"""The order of the layers: curated FAQ, exact cache, semantic cache, and then the provider.

The engine never lets a fault of its own reach the app: whatever fails, the call becomes a miss or a
bypass with the reason in its decision record, and `on_error` is told the stage.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from routing.active import ActiveConfig, ActiveTenant
from routing.breaker import Breaker
from routing.errors import CacheUnavailable, EntryUnreadable
from routing.keeping import PatientEmbedder, keep
from routing.layers.faq import curated_answer, wants_curated
from routing.layers.place import (
    LAST_RESORT,
    RENEWABLE,
    Place,
    answer_from,
    find_place,
    refusal,
)
from routing.layers.semantic import Choice, candidates_needed, choose, compares_answers
from routing.shared import Shared
from routing.splits import SplitWatch
from routing.store.entries import Candidate, EntryStore, Nearest
from routing.trail import Trail
from routing.types import Answer, Call, Completion, Lookup, StorePlan

logger = logging.getLogger(__name__)

Vector = NDArray[np.float32]
T = TypeVar("T")

_MAX_FORGETTING = 64
"""Orphaned vectors of as many searches are removed at once; others when they are next seen."""


class TextEmbedder(PatientEmbedder, Protocol):
    """What the engine needs of an embedding model."""

    @property
    def model_id(self) -> str:
        """Identifies the model and its weights. Raises CacheUnavailable until loaded."""

    async def embed(self, text: str) -> Vector | None:
        """L2-normalised float32 vector; None when `text` is longer than the model reads.

        Raises CacheUnavailable when the model fails.
        """


EmbedderOf = Callable[[str], TextEmbedder]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a layer serves; when `stale`, it is to be renewed."""

    answer: Answer
    stale: bool


class Engine:
    """Answers calls from the cache and keeps what providers answered.

    `embedder` is the model of every tenant, or gives each tenant (by its uid) its own. `on_error`
    is told the stage of every cache fault. `clock` gives epoch seconds. `splits` has seen the
    latest calls of every policy.
    """

    def __init__(
        self,
        *,
        store: EntryStore,
        embedder: TextEmbedder | EmbedderOf,
        on_error: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._embedder_of: EmbedderOf = embedder if callable(embedder) else lambda _: embedder
        self._on_error = on_error
        self._clock = clock
        self.splits = SplitWatch()
        self._breaker = Breaker("redis", probe=store.probe)
        self._embeddings = Shared[tuple[str, str], Vector | None]()
        self._searches = Shared[tuple[str, str, int], Nearest]()
        self._background: set[asyncio.Task[None]] = set()

    @property
    def cache_available(self) -> bool:
        """Whether Redis is being asked at all."""
        return not self._breaker.is_open

    async def lookup(self, call: Call, active: ActiveConfig) -> Lookup:
        """Ask the layers in order. Never raises; a fault makes a bypass that says so."""
        trail = Trail(revision=active.revision)
        try:
            return await self._lookup(call, active, trail)
        except CacheUnavailable as error:
            self._on_error(error.stage)
            logger.debug("engine.cache_unavailable stage=%s", error.stage)
        except Exception:
            # The edge of the cache: no fault of ours may fail an app's call.
            self._on_error("internal")
            logger.exception("engine.lookup_failed policy=%s", call.controls.policy)
        return trail.bypass("cache_unavailable").lookup()

    async def _lookup(self, call: Call, active: ActiveConfig, trail: Trail) -> Lookup:
        tenant = active.tenants[call.tenant]
        if call.controls.bypass:
            trail.bypass("asked")
            return trail.lookup(plan=self._plan_to_renew(call, tenant, revision=active.revision))
        if answer := curated_answer(call, tenant):
            return trail.hit(answer)
        trail.passed("faq", _why_not_curated(call, tenant))
        if call.bypass_reason:
            return trail.bypass(call.bypass_reason).lookup()
        return await self._look_in_cache(call, tenant, trail)

    def plan(self, call: Call, active: ActiveConfig) -> StorePlan | str:
        """Where an answer the app brings itself would be kept, or the reason why it would not be.

        Raises CacheUnavailable while the embedding model is not there.
        """
        place = self._place(call, active.tenants[call.tenant], self._embedder_of(call.tenant))
        if isinstance(place, str):
            return place
        return self._plan(call, place, vector=None, revision=active.revision)

    async def store(self, plan: StorePlan, completion: Completion) -> bool:
        """Keep a complete answer; False when it was invalidated meanwhile, when the tenant's model
        is another by now, or when keeping failed, which is counted and never raised."""
        try:
            embedder = self._embedder_of(plan.tenant)
            if embedder.model_id != plan.embedding_model:
                return False
            return await keep(
                plan,
                completion,
                store=self._store,
                embedder=embedder,
                now=self._clock(),
            )
        except CacheUnavailable as error:
            self._on_error(error.stage)
            logger.warning("engine.store_failed stage=%s reason=%s", error.stage, error.reason)
        except Exception:
            # Nobody waits for this work, so nobody else would hear of its failure.
            self._on_error("internal")
            logger.exception("engine.store_failed")
        return False

    async def start(self) -> None:
        """Make ready for the first call; Redis may be away."""
        try:
            await self._store.warm()
        except CacheUnavailable as error:
            self._on_error(error.stage)
            logger.warning("engine.redis_away reason=%s", error.reason)

    async def close(self) -> None:
        """Finish background work and stop probing."""
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._breaker.close()

    async def _look_in_cache(self, call: Call, tenant: ActiveTenant, trail: Trail) -> Lookup:
        # Asked for once: a tenant may be given another model at any time.
        embedder = self._embedder_of(call.tenant)
        place = self._place(call, tenant, embedder)
        if isinstance(place, str):
            return trail.bypass(place).lookup()
        trail.at(place)
        self.splits.note(
            place.tenant,
            place.policy.uid,
            partition=place.partition,
            context=place.context,
            now=self._clock(),
        )
        if self._breaker.is_open:
            raise CacheUnavailable("breaker", "Redis is being left alone")
        if found := await self._exact(place, trail):
            return self._told(call, place, trail, found, vector=None)
        vector = await self._embed(call.query, place, embedder, trail)
        found = await self._semantic(call, place, vector, trail) if vector is not None else None
        return self._told(call, place, trail, found, vector=_as_bytes(vector))

    def _told(
        self,
        call: Call,
        place: Place,
        trail: Trail,
        found: _Found | None,
        *,
        vector: bytes | None,
    ) -> Lookup:
        if found is not None:
            self._store.note_served(place.tenant, found.answer.entry_id)
        if found is not None and not found.stale:
            return trail.hit(found.answer)
        plan = self._plan(call, place, vector=vector, revision=trail.revision)
        if found is None:
            return trail.lookup(plan=plan)
        return trail.hit(found.answer, plan=None if call.controls.no_store else plan)

    async def _exact(self, place: Place, trail: Trail) -> _Found | None:
        entry = await self._watched(
            self._store.get(tenant=place.tenant, partition=place.partition, entry_id=place.entry_id)
        )
        if entry is None:
            trail.passed("exact", "no_match")
            return None
        now = self._clock()
        reason = refusal(entry, place, now=now)
        if reason in ("", RENEWABLE, LAST_RESORT):
            answer = answer_from(entry, place, layer="exact", similarity=1.0, now=now)
            if reason != LAST_RESORT:
                return _Found(answer, stale=reason == RENEWABLE)
            trail.last_resort = answer
        trail.passed("exact", reason)
        return None

    async def _embed(
        self, query: str, place: Place, embedder: TextEmbedder, trail: Trail
    ) -> Vector | None:
        started = time.perf_counter()
        # A partition is one tenant's and one model's, so nobody shares what is not its own.
        vector, _ = await self._embeddings.do(
            (place.partition, query), lambda: embedder.embed(query)
        )
        if vector is not None and not np.isfinite(vector).all():
            raise CacheUnavailable("embedding", "the model gave no numbers")
        trail.embedding_us = int((time.perf_counter() - started) * 1e6)
        if vector is None:
            trail.passed("semantic", "text_too_long")
        return vector

    async def _semantic(
        self, call: Call, place: Place, vector: Vector, trail: Trail
    ) -> _Found | None:
        def search() -> Awaitable[Nearest]:
            return self._nearest(place, vector)

        count = candidates_needed(place)
        nearest, shared = await self._searches.do((place.partition, call.query, count), search)
        choice = self._choose(nearest, call, place)
        if shared and (choice.served or choice.last_resort):
            # What another call has read may have been removed since this one came.
            choice = self._choose(await search(), call, place)
        now = self._clock()
        trail.near(choice)
        if choice.last_resort is not None:
            trail.last_resort = trail.last_resort or _answer(choice.last_resort, place, now=now)
        if choice.served is None:
            trail.passed("semantic", choice.reason)
            return None
        return _Found(_answer(choice.served, place, now=now), stale=choice.stale)

    async def _nearest(self, place: Place, vector: Vector) -> Nearest:
        nearest = await self._watched(
            self._store.nearest(
                tenant=place.tenant,
                partition=place.partition,
                vector=vector,
                count=candidates_needed(place),
            )
        )
        if nearest.orphans and len(self._background) < _MAX_FORGETTING:
            self._spawn(self._forget(place, nearest.orphans))
        return nearest

    def _choose(self, nearest: Nearest, call: Call, place: Place) -> Choice:
        return choose(
            nearest.candidates,
            place,
            query=call.query,
            now=self._clock(),
            explain=call.controls.explain,
        )

    async def _watched(self, work: Coroutine[None, None, T]) -> T:
        """Await `work`, telling the breaker how it went."""
        try:
            result = await work
        except EntryUnreadable:
            self._breaker.succeeded()
            raise
        except CacheUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return result

    def _place(self, call: Call, tenant: ActiveTenant, embedder: TextEmbedder) -> Place | str:
        if call.bypass_reason:
            return call.bypass_reason
        return find_place(call, tenant, embedding_model=embedder.model_id)

    def _plan_to_renew(
        self, call: Call, tenant: ActiveTenant, *, revision: int
    ) -> StorePlan | None:
        """A bypassed call skips what is stored, and renews it."""
        if call.controls.no_store or self._breaker.is_open:
            return None
        try:
            place = self._place(call, tenant, self._embedder_of(call.tenant))
        except CacheUnavailable as error:
            self._on_error(error.stage)
            return None
        if isinstance(place, str):
            return None
        return self._plan(call, place, vector=None, revision=revision)

    def _plan(self, call: Call, place: Place, *, vector: bytes | None, revision: int) -> StorePlan:
        policy = place.policy
        return StorePlan(
            tenant=place.tenant,
            partition=place.partition,
            entry_id=place.entry_id,
            policy=policy.uid,
            query=call.query,
            vector=vector,
            ttl_seconds=place.ttl_seconds,
            documents=place.documents,
            tags=call.controls.tags,
            user=place.user,
            revision=revision,
            rules=policy.store,
            min_similarity=place.min_similarity,
            disabled_guards=policy.disabled_guards,
            lexicon=place.lexicon,
            rests_on=place.rests_on,
            asked_by=call.controls.user,
            asked_at=self._clock(),
            answer_id=call.controls.answer_id,
            grace_seconds=max(policy.stale_seconds, policy.stale_if_error_seconds),
            embedding_model=place.embedding_model,
            base=place.base,
            single_flight=policy.single_flight,
            compares_answers=compares_answers(place),
        )

    async def _forget(self, place: Place, ids: tuple[str, ...]) -> None:
        try:
            await self._store.forget_vectors(
                tenant=place.tenant, partition=place.partition, ids=ids
            )
        except CacheUnavailable as error:
            self._on_error(error.stage)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _why_not_curated(call: Call, tenant: ActiveTenant) -> str:
    if not call.plain_text:
        return "not_plain_text"
    return "no_match" if wants_curated(call, tenant) else "switched_off"


def _answer(candidate: Candidate, place: Place, *, now: float) -> Answer:
    return answer_from(
        candidate.entry, place, layer="semantic", similarity=candidate.similarity, now=now
    )


def _as_bytes(vector: Vector | None) -> bytes:
    return b"" if vector is None else vector.tobytes()
