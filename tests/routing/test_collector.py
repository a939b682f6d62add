from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
import redis
from redis.asyncio import Redis

from routing import redis_names
from routing.active import activate
from routing.connection import stop_tasks
from routing.store.collector import Collected, Collector
from routing.store.entries import EntryStore
from tests.routing.builders import document, entry, policy, snapshot, tenant

ACME = "uid-acme"
NOW = int(time.time()) + 86_400
"""Tomorrow, so that Redis itself expires nothing while the tests run."""
VECTOR = np.array([1, 0], dtype=np.float32).tobytes()


@dataclass
class World:
    """A store, and a collector whose clock stands `ahead` seconds after now."""

    store: EntryStore
    client: Redis

    async def put(
        self,
        entry_id: str,
        *,
        ttl: int = 3_600,
        rests_on: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> None:
        kept = msgspec.structs.replace(
            entry(), entry_id=entry_id, created=NOW, expires=NOW + ttl, **changes
        )
        await self.store.put(
            kept,
            vector=VECTOR,
            rests_on=kept.documents if rests_on is None else rests_on,
            asked_at=NOW,
        )

    async def collect(
        self, *, ahead: int = 0, manual_version: int = 1, slug: str = "acme", **changes: Any
    ) -> Collected:
        documents = (document("manual", manual_version),)
        config = activate(snapshot(tenant(slug, documents=documents, **changes)))
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
    assert redis_client.keys("reprise:*") == [b"reprise:tenants"]


async def test_collect__current_document_version__kept(world: World) -> None:
    await world.put("e1", documents={"manual": "1"})

    assert await world.collect(manual_version=1) == Collected(entries=0, partitions=0)


@pytest.mark.parametrize("rests_on", [{"@tenant": "1"}, {"@policy.policy-default": "1"}])
async def test_collect__generation_raised__old_partition_gone(
    world: World, redis_client: redis.Redis, rests_on: dict[str, str]
) -> None:
    await world.put("e1", rests_on=rests_on)

    collected = await world.collect(generation=2, policies=(policy(generation=2),))

    assert collected == Collected(entries=1, partitions=1)
    assert redis_client.keys("reprise:*") == [b"reprise:tenants"]


async def test_collect__policy_deleted__its_partition_gone(world: World) -> None:
    await world.put("e1", rests_on={"@policy.policy-default": "1"})

    assert await world.collect(policies=()) == Collected(entries=1, partitions=1)


async def test_collect__policy_disabled__kept(world: World) -> None:
    await world.put("e1", rests_on={"@policy.policy-default": "1"})

    collected = await world.collect(policies=(policy(enabled=False),))

    assert collected == Collected(entries=0, partitions=0)


async def test_collect__within_the_grace__kept(world: World) -> None:
    await world.put("e1", ttl=60, grace_seconds=30)

    within = await world.collect(ahead=89)
    past = await world.collect(ahead=91)

    assert (within.entries, past.entries) == (0, 1)


async def test_collect__expired_entry__taken_out_of_the_order_of_use(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put("e1", ttl=60)
    await world.put("e2")
    redis_client.zadd(redis_names.used(ACME), {"p1.e1": 1, "p1.e2": 2})

    await world.collect(ahead=61)

    assert redis_client.zrange(redis_names.used(ACME), 0, -1) == [b"p1.e2"]


async def test_collect__some_expired__the_rest_collected_at_their_time(world: World) -> None:
    await world.put("e1", ttl=60)
    await world.put("e2", ttl=600)

    first = await world.collect(ahead=61)
    second = await world.collect(ahead=601)

    assert (first, second) == (Collected(1, 0), Collected(1, 1))


async def test_collect__shorter_lived_entry_stored_later__collected_at_its_time(
    world: World,
) -> None:
    await world.put("e1", ttl=600)
    await world.put("e2", ttl=60)

    assert await world.collect(ahead=61) == Collected(entries=1, partitions=0)


async def test_collect__nothing_due__partitions_left_alone(
    world: World, redis_client: redis.Redis
) -> None:
    for number in range(100):
        await world.put("e1", partition=f"p{number}", documents={"manual": "1"})
    before = commands(redis_client)

    await world.collect()

    assert commands(redis_client) - before < 10


async def test_collect__tenant_gone_from_the_configuration__all_of_it_removed(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put("e1", documents={"manual": "1"})
    await world.put("e1", partition="p2")

    collected = await world.collect(slug="globex")

    assert collected == Collected(entries=2, partitions=2)
    assert redis_client.keys("reprise:*") == []


async def test_collect__without_configuration__only_what_expired(world: World) -> None:
    await world.put("e1", documents={"manual": "1"})
    await world.put("e2", ttl=60, partition="p2")
    collector = Collector(
        world.client, active=lambda: None, on_error=pytest.fail, clock=lambda: NOW + 61
    )

    assert await collector.collect(None) == Collected(entries=1, partitions=1)


async def test_collect__registered_and_never_written__taken_out_of_the_books(
    world: World, redis_client: redis.Redis
) -> None:
    redis_client.sadd(redis_names.TENANTS, ACME)
    redis_client.zadd(redis_names.partitions(ACME), {"p1": NOW + 60})

    assert await world.collect(ahead=61) == Collected(entries=0, partitions=1)
    assert redis_client.keys("reprise:*") == [b"reprise:tenants"]


async def test_collect__entries_stored_again_meanwhile__kept_with_vectors_and_books(
    world: World, redis_client: redis.Redis
) -> None:
    names = [f"e{number}" for number in range(60)]
    for name in names:
        await world.put(name, ttl=60)

    await asyncio.gather(world.collect(ahead=61), *(world.put(name, ttl=3_600) for name in names))

    entries = redis_client.keys(redis_names.entry(ACME, "p1", "*"))
    vectors = redis_client.vset().vcard(redis_names.vectors(ACME, "p1"))
    assert (len(entries), vectors) == (60, 60)
    assert redis_client.zscore(redis_names.partitions(ACME), "p1") == NOW + 3_600


async def test_collect__tenant_of_a_measurement_under_way__left_alone(
    world: World, redis_client: redis.Redis
) -> None:
    redis_client.set(redis_names.scratch(ACME), b"1")
    await world.put("e1", rests_on={"@tenant": "1"})

    await world.collect(slug="globex")

    assert redis_client.exists(redis_names.entry(ACME, "p1", "e1"))


async def test_run__unexpected_fault__counted_and_collected_later(
    world: World, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.store.collector._ROUND_SECONDS", 0.02)
    faults = iter([KeyError("unexpected")])
    counted: list[str] = []

    def active() -> None:
        for fault in faults:
            raise fault

    await world.put("e1", ttl=60)
    collector = Collector(
        world.client, active=active, on_error=counted.append, clock=lambda: NOW + 61
    )
    running = asyncio.create_task(collector.run())
    async with asyncio.timeout(10):
        while redis_client.exists(redis_names.entry(ACME, "p1", "e1")):
            await asyncio.sleep(0.02)
    await stop_tasks([running])

    assert counted == ["collector"]


@pytest.mark.parametrize(("published", "left"), [(1, 0), (2, 1)], ids=["same", "another"])
async def test_run__tenant_it_does_not_know__removed_only_under_the_published_revision(
    world: World,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    published: int,
    left: int,
) -> None:
    monkeypatch.setattr("routing.store.collector._ROUND_SECONDS", 0.02)
    redis_client.set(redis_names.SNAPSHOT_POINTER, f"{published}:{64 * 'a'}")
    await world.put("e1")
    config = activate(snapshot(tenant("globex"), revision=1))
    collector = Collector(world.client, active=lambda: config, on_error=pytest.fail)

    running = asyncio.create_task(collector.run())
    await asyncio.sleep(0.5)
    await stop_tasks([running])

    assert redis_client.exists(redis_names.entry(ACME, "p1", "e1")) == left


def commands(client: redis.Redis) -> int:
    statistics: Any = client.info("stats")
    return int(statistics["total_commands_processed"])
