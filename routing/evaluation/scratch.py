"""A tenant that exists for one measurement: its configuration, its engine, and its end.

The engine is the one that serves calls, with its layers, guards and margin, on the Redis that the
runtimes use. What it stores lies under a tenant of its own, which no snapshot knows.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from redis.asyncio import Redis
from uuid_utils import uuid7

from routing import redis_names
from routing.active import ActiveConfig, ActiveTenant, activate
from routing.connection import REDIS_FAILURES, connect
from routing.engine import Engine
from routing.errors import CacheUnavailable
from routing.evaluation.labelled import CuratedQuestion
from routing.evaluation.vectors import TextVectors
from routing.layers.place import Place, find_place
from routing.prices import NO_TOKENS
from routing.snapshot import (
    SCHEMA_VERSION,
    FaqConfig,
    LexiconConfig,
    NeverMerge,
    PersonalData,
    PolicyConfig,
    Scope,
    Snapshot,
    StoreRule,
    TenantConfig,
    Volatile,
)
from routing.store.entries import EntryStore
from routing.types import Call, Completion, Context, Controls, Lookup, StorePlan
from routing.upkeep import erase_tenant

_LIFETIME_SECONDS = 86_400
"""Long enough for any measurement; should nobody be left to clean up, Redis forgets it after."""

_CLAIM_SECONDS = 60
_BUDGET_SECONDS = 10.0
_STORES_ANYTHING = StoreRule(
    tool_calls=True,
    refusals=True,
    valid_json=False,
    min_chars=0,
    personal_data=PersonalData.KEEP,
    volatile=Volatile.IGNORE,
)


class Setting(Struct, frozen=True):
    """What is measured: a policy, and what its tenant adds to the guards."""

    policy: PolicyConfig
    language: str = "en"
    lexicon: LexiconConfig = LexiconConfig()
    never_merge: tuple[NeverMerge, ...] = ()
    curated: tuple[CuratedQuestion, ...] = ()


class Scratch:
    """Asks and stores in the scratch tenant. Methods raise CacheUnavailable when Redis fails."""

    def __init__(self, redis: Redis, setting: Setting, vectors: TextVectors) -> None:
        self.uid = f"scratch-{uuid7()}"
        self.vectors = vectors
        self._redis = redis
        self._faults: list[str] = []
        self._policy = _as_measured(setting.policy)
        self._active = _configuration(self.uid, self._policy, setting)
        # One moment for the whole measurement: nothing expires while it lasts.
        started = time.time()
        self._engine = Engine(
            store=EntryStore(fast=redis, patient=redis, budget_seconds=_BUDGET_SECONDS),
            embedder=vectors,
            on_error=self._faults.append,
            clock=lambda: started,
        )
        self._claimed_until = 0.0

    @property
    def tenant(self) -> ActiveTenant:
        """The scratch tenant's configuration."""
        return self._active.tenants[self.uid]

    @property
    def policy(self) -> PolicyConfig:
        """The policy as it is measured."""
        return self._policy

    def call(self, text: str, *, part: str = "", answer_id: str = "") -> Call:
        """The call that asks `text`; calls of different parts share nothing."""
        return Call(
            tenant=self.uid,
            protocol="cache_api",
            model="evaluated",
            query=text,
            context=Context(other=part.encode()),
            controls=Controls(
                policy=self._policy.name, answer_id=answer_id, user=_user(self._policy)
            ),
        )

    def place(self, call: Call) -> Place:
        """Where the answer of `call` lies."""
        place = find_place(call, self.tenant, embedding_model=self.vectors.model_id)
        if isinstance(place, str):
            raise CacheUnavailable("evaluation", place)
        return place

    async def ask(self, call: Call) -> Lookup:
        """What the engine makes of `call`."""
        await self._claim()
        found = await self._engine.lookup(call, self._active)
        self._check()
        return found

    def plan(self, call: Call) -> StorePlan:
        """Where the engine would keep the answer of `call`."""
        plan = self._engine.plan(call, self._active)
        if isinstance(plan, str):
            raise CacheUnavailable("evaluation", plan)
        return plan

    async def keep(self, plan: StorePlan) -> None:
        """Store an answer for `plan`. It is a number, of no language, another for each answer id,
        since the answers themselves are not in the files."""
        await self._claim()
        digest = hashlib.blake2b(plan.answer_id.encode(), digest_size=8).digest()
        text = str(int.from_bytes(digest))
        completion = Completion(text=text, model="evaluated", usage=NO_TOKENS, cost_nanousd=0)
        stored = await self._engine.store(plan, completion)
        self._check()
        if not stored:
            raise CacheUnavailable("evaluation", "the scratch tenant was cleared meanwhile")

    async def drop_partition(self, plan: StorePlan) -> None:
        """Take away the partition of `plan`, which holds a handful of entries."""
        await self._redis.delete(
            redis_names.entry(plan.tenant, plan.partition, plan.entry_id),
            redis_names.vectors(plan.tenant, plan.partition),
            redis_names.expiries(plan.tenant, plan.partition),
        )

    async def remove(self) -> None:
        """Take everything away."""
        await self._engine.close()
        await erase_tenant(self._redis, tenant=self.uid)
        await self._redis.srem(redis_names.TENANTS, self.uid)
        await self._redis.delete(
            redis_names.document_versions(self.uid),
            redis_names.cut(self.uid, "tenant"),
            redis_names.scratch(self.uid),
        )

    async def _claim(self) -> None:
        """Keep the collector away, which takes a tenant that no snapshot knows for deleted."""
        if time.monotonic() > self._claimed_until:
            await self._redis.set(redis_names.scratch(self.uid), b"1", ex=_CLAIM_SECONDS)
            self._claimed_until = time.monotonic() + _CLAIM_SECONDS / 4

    def _check(self) -> None:
        if self._faults:
            raise CacheUnavailable(self._faults[0], "the measurement cannot go on without it")


@asynccontextmanager
async def open_scratch(
    redis_url: str, *, setting: Setting, vectors: TextVectors
) -> AsyncIterator[Scratch]:
    """A scratch tenant, removed at the end however that comes.

    Raises CacheUnavailable when Redis does not answer.
    """
    redis = connect(redis_url, timeout_seconds=_BUDGET_SECONDS)
    scratch = Scratch(redis, setting, vectors)
    try:
        await redis.ping()
        try:
            yield scratch
        finally:
            await scratch.remove()
    except REDIS_FAILURES as error:
        raise CacheUnavailable("redis", f"Redis does not answer: {error}") from error
    finally:
        await redis.aclose()


def _as_measured(policy: PolicyConfig) -> PolicyConfig:
    """`policy` as far as it decides which stored answer a question gets."""
    return msgspec.structs.replace(
        policy,
        enabled=True,
        documents=(),
        store=_STORES_ANYTHING,
        ttl_seconds=_LIFETIME_SECONDS,
        jitter=0.0,
        stale_seconds=0,
        stale_if_error_seconds=0,
        single_flight=False,
        faqs=True,
    )


def _configuration(uid: str, policy: PolicyConfig, setting: Setting) -> ActiveConfig:
    tenant = TenantConfig(
        uid=uid,
        slug="scratch",
        language=setting.language,
        policies=(policy,),
        faqs=_faqs(setting.curated, language=setting.language),
        lexicon=setting.lexicon,
        never_merge=setting.never_merge,
    )
    return activate(
        Snapshot(
            schema_version=SCHEMA_VERSION,
            revision=1,
            created_at=datetime.now(UTC),
            tenants=(tenant,),
        )
    )


def _faqs(curated: Sequence[CuratedQuestion], *, language: str) -> tuple[FaqConfig, ...]:
    return tuple(
        FaqConfig(
            uid=str(number),
            language=language,
            question=item.question,
            answer=item.answer_id,
            aliases=item.aliases,
        )
        for number, item in enumerate(curated)
    )


def _user(policy: PolicyConfig) -> str:
    return "evaluation" if policy.scope is Scope.USER else ""
