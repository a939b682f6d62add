"""Tenants whose embedding models differ, or change under way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from redis.asyncio import Redis

from routing.active import activate
from routing.embedding.session import Vector
from routing.engine import Engine
from routing.errors import CacheUnavailable
from routing.prices import Usage
from routing.store.entries import EntryStore
from routing.types import Completion, Lookup, StorePlan
from tests.routing.builders import call, snapshot

CONFIGURATION = activate(snapshot())
COMPLETION = Completion(text="In the app.", model="gpt-5-mini", usage=Usage(), cost_nanousd=1)


class Model:
    """Gives every text the same vector; `away` models know their id only."""

    def __init__(self, model_id: str, *, dimensions: int = 4, away: bool = False) -> None:
        self.model_id = model_id
        self.away = away
        self._vector: Vector = np.eye(dimensions, dtype=np.float32)[0]

    async def embed(self, text: str) -> Vector | None:
        if self.away:
            raise CacheUnavailable("embedding", "away")
        return self._vector

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        return [await self.embed(text) for text in texts]


class World:
    """An engine, and the model of each tenant."""

    def __init__(self, client: Redis) -> None:
        self.models = {"uid-acme": Model("small@1"), "uid-globex": Model("large@1", dimensions=8)}
        self.engine = Engine(
            store=EntryStore(fast=client, patient=client, budget_seconds=2),
            embedder=lambda tenant: self.models[tenant],
            on_error=lambda stage: None,
        )

    async def ask(self, question: str, *, tenant: str = "uid-acme") -> Lookup:
        return await self.engine.lookup(call(question, tenant=tenant), CONFIGURATION)

    async def store(self, question: str, *, tenant: str = "uid-acme") -> StorePlan:
        plan = (await self.ask(question, tenant=tenant)).plan
        assert plan is not None
        assert await self.engine.store(plan, COMPLETION)
        return plan


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    client = Redis.from_url(redis_url)
    world = World(client)
    yield world
    await world.engine.close()
    await client.aclose()


async def test_lookup__tenants_with_models_of_other_lengths__each_finds_its_own(
    world: World,
) -> None:
    for tenant in ("uid-acme", "uid-globex"):
        await world.store("Where is my order?", tenant=tenant)

    found = [
        (await world.ask("Where is my order please?", tenant=tenant)).decision.layer
        for tenant in ("uid-acme", "uid-globex")
    ]
    assert found == ["semantic", "semantic"]


async def test_lookup__model_away_whose_id_is_known__exact_answers_still(world: World) -> None:
    await world.store("Where is my order?")
    world.models["uid-acme"].away = True

    assert (await world.ask("Where is my order?")).decision.layer == "exact"
    assert (await world.ask("Where is my parcel?")).decision.result == "bypass"


async def test_store__tenant_has_another_model_by_now__not_kept(world: World) -> None:
    plan = (await world.ask("Where is my order?")).plan
    assert plan is not None
    world.models["uid-acme"] = Model("large@1", dimensions=8)

    assert not await world.engine.store(plan, COMPLETION)
    assert (await world.ask("Where is my order?")).decision.result == "miss"


async def test_store__answer__knows_its_partition_without_the_model(world: World) -> None:
    plan = await world.store("Where is my order?")
    world.models["uid-acme"] = Model("large@1")

    other = (await world.ask("Where is my order?")).plan

    assert other is not None
    assert other.partition != plan.partition
    assert other.base == plan.base != ""
