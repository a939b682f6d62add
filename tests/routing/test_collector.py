from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
import redis
from redis.asyncio import Redis

from routing import redis_names
from routing.active import activate
from routing.store.collector import Collected, Collector
from routing.store.entries import EntryStore
from tests.routing.builders import document, entry, snapshot, tenant

ACME = "uid-acme"
NOW = int(time.time())
VECTOR = np.array([1, 0], dtype=np.float32).tobytes()


@dataclass
class World:
    """A store, and a collector whose clock stands `ahead` seconds after now."""

    store: EntryStore
    client: Redis

    async def put(self, entry_id: str, *, documents: dict[str, str] | None = None) -> None:
        kept = msgspec.structs.replace(
            entry(), entry_id=entry_id, created=NOW, expires=NOW + 3_600, documents=documents or {}
        )
        await self.store.put(kept, tenant=ACME, vector=VECTOR)

    async def collect(self, *, ahead: int = 0, manual_version: int = 1) -> Collected:
        config = activate(snapshot(tenant(documents=(document("manual", manual_version),))))
        collector = Collector(
            self.client, active=lambda: config, on_error=pytest.fail, clock=lambda: NOW + ahead
        )
        return await collector.collect(config)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    client = Redis.from_url(redis_url)
    yield World(EntryStore(fast=client, patient=client, budget_seconds=2), client)
    await client.aclose()


async def test_collect__expired_entries__vectors_gone(
    world: World, redis_client: redis.Redis
) -> None:
    for number in range(250):
        await world.put(f"e{number}")

    collected = await world.collect(ahead=3_601)

    assert collected == Collected(entries=250, partitions=1)
    assert redis_client.exists(redis_names.vectors(ACME, "p1")) == 0


async def test_collect__entries_still_fresh__kept(world: World, redis_client: redis.Redis) -> None:
    await world.put("e1")

    assert await world.collect(ahead=3_599) == Collected(entries=0, partitions=0)
    assert redis_client.exists(redis_names.entry(ACME, "p1", "e1")) == 1


async def test_collect__document_bumped__old_partition_gone(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put("e1", documents={"manual": "1"})

    collected = await world.collect(manual_version=2)

    assert collected == Collected(entries=1, partitions=1)
    assert redis_client.keys("reprise:*") == []


async def test_collect__current_document_version__kept(world: World) -> None:
    await world.put("e1", documents={"manual": "1"})

    assert await world.collect(manual_version=1) == Collected(entries=0, partitions=0)
