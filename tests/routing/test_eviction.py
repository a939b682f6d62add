from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest
import redis
from redis.asyncio import Redis

from routing import redis_names
from routing.active import ActiveConfig, activate
from routing.connection import stop_tasks
from routing.errors import CacheUnavailable
from routing.snapshot import Eviction, Limits, TenantConfig
from routing.store.collector import Collector
from routing.store.entries import EntryStore
from routing.store.eviction import Evictor
from routing.store.limits import LimitBook, OverallLimits
from routing.store.memory import MemoryWatch
from routing.store.served import ServedLog
from routing.telemetry import metrics
from tests.routing.builders import entry, snapshot, tenant

ACME, GLOBEX = "uid-acme", "uid-globex"
NOW = int(time.time()) + 86_400
"""Tomorrow, so that Redis itself expires nothing while the tests run."""
VECTOR = np.array([1, 0], dtype=np.float32).tobytes()


def never(stage: str) -> None:
    pytest.fail(stage)


@dataclass
class World:
    """A store, its account of use, and what evicts, under limits that a test may change."""

    client: Redis
    config: ActiveConfig = field(default_factory=lambda: activate(snapshot()))
    overall: OverallLimits = field(default_factory=OverallLimits)
    now: float = NOW

    def __post_init__(self) -> None:
        self.memory = MemoryWatch(self.client, on_error=never)
        self.book = LimitBook(active=lambda: self.config, overall=self.overall, memory=self.memory)
        self.served = ServedLog(
            self.client, eviction=self.book.eviction, on_error=never, clock=lambda: self.now
        )
        self.store = EntryStore(
            fast=self.client, patient=self.client, budget_seconds=2, served=self.served
        )
        self.evictor = Evictor(self.client, limits=self.book, memory=self.memory)

    def limit(self, *tenants: TenantConfig) -> None:
        self.config = activate(snapshot(*tenants))

    def limit_overall(self, **limits: int) -> None:
        self.overall = OverallLimits(**limits)
        self.__post_init__()

    async def put(self, *names: str, tenant: str = ACME, **changes: Any) -> None:
        """Store ``<partition>.<entry>`` each, one second after the other."""
        for second, name in enumerate(names):
            partition, _, entry_id = name.partition(".")
            kept = msgspec.structs.replace(
                entry(), tenant=tenant, partition=partition, entry_id=entry_id,
                created=NOW - 1_000 + second, expires=NOW + 3_600, **changes,
            )  # fmt: skip
            await self.store.put(kept, vector=VECTOR, rests_on={}, asked_at=NOW - 60)

    async def serve(self, *names: str) -> None:
        """Serve each, one second after the other."""
        for name in names:
            self.now += 1
            self.store.note_served(ACME, name)
            await self.served.flush()

    async def enforce(self) -> int:
        return await self.evictor.enforce(self.config)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    client = Redis.from_url(redis_url)
    yield World(client)
    await client.aclose()


@pytest.fixture
def limited_redis(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """An empty Redis that may be given a memory limit."""
    yield redis_client
    redis_client.config_set("maxmemory", 0)


def acme(**limits: Any) -> TenantConfig:
    return tenant("acme", limits=Limits(**limits))


def left(client: redis.Redis, tenant: str = ACME) -> list[str]:
    """``<partition>.<entry>`` of what is left."""
    start = f"reprise:t:{tenant}:{{"
    found: Any = client.keys(f"{start}*}}:e:*")
    return sorted(key.decode().removeprefix(start).replace("}:e:", ".") for key in found)


async def share(world: World) -> float:
    memory = await world.memory.read()
    assert memory.share is not None
    return memory.share


async def test_enforce__more_entries_than_allowed__longest_unserved_go(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=2))
    await world.put("p1.a", "p1.b", "p2.c", "p2.d")
    await world.serve("p1.a", "p2.c")

    assert await world.enforce() == 2
    assert left(redis_client) == ["p1.a", "p2.c"]


async def test_enforce__least_often__served_once_lately_goes_before_served_often(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=1, eviction=Eviction.LFU))
    await world.put("p1.a", "p1.b")
    await world.serve("p1.a", "p1.a", "p1.b")

    await world.enforce()

    assert left(redis_client) == ["p1.a"]


async def test_enforce__least_often_and_all_are_in_use__new_one_gets_in(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=2, eviction=Eviction.LFU))
    await world.put("p1.b", "p1.c")
    await world.serve("p1.b", "p1.b", "p1.c", "p1.c", "p1.c")
    await world.put("p1.a")

    await world.enforce()

    assert left(redis_client) == ["p1.a", "p1.c"]


async def test_enforce__entry_evicted__its_vector_and_books_gone_too(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=1))
    await world.put("p1.a", "p2.b", tags=("order:1",))

    await world.enforce()

    assert not redis_client.exists(redis_names.vectors(ACME, "p1"))
    assert redis_client.zrange(redis_names.partitions(ACME), 0, -1) == [b"p2"]
    assert redis_client.zrange(redis_names.tagged(ACME, "order:1"), 0, -1) == [b"p2.b"]
    assert redis_client.zrange(redis_names.used(ACME), 0, -1) == [b"p2.b"]


async def test_enforce__within_the_limit__nothing_goes(world: World) -> None:
    world.limit(acme(max_entries=2))
    await world.put("p1.a", "p1.b")

    assert await world.enforce() == 0


async def test_enforce__stored_before_the_limit_was_set__counted(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put("p1.a", "p1.b", "p2.c")
    world.limit(acme(max_entries=1))
    await world.put("p2.d")

    assert await world.enforce() == 3
    assert left(redis_client) == ["p2.d"]


async def test_enforce__order_changed__account_begun_anew(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=9))
    await world.put("p1.a")
    await world.enforce()
    world.limit(acme(max_entries=9, eviction=Eviction.LFU))

    await world.enforce()

    assert redis_client.zscore(redis_names.used(ACME), "p1.a") == 0


async def test_enforce__names_on_the_account_that_have_gone__not_taken_for_entries(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=2))
    await world.put("p1.a", "p1.b")
    redis_client.zadd(redis_names.used(ACME), {"p1.gone": 1, "p2.gone": 2})

    assert await world.enforce() == 0
    assert left(redis_client) == ["p1.a", "p1.b"]


async def test_enforce__limit_lifted__account_given_up(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=9))
    await world.put("p1.a")
    world.limit(acme())

    await world.enforce()

    assert not redis_client.exists(redis_names.used(ACME))


async def test_enforce__more_bytes_than_allowed__down_to_them(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_bytes=100_000))
    await world.put(*(f"p1.{number}" for number in range(20)), answer="x" * 10_000)

    await world.enforce()

    assert 6 <= len(left(redis_client)) <= 10


async def test_enforce__overall_limit__each_tenant_gives_its_share(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit_overall(max_entries=20)
    await world.put(*(f"p1.{number}" for number in range(30)))
    await world.put(*(f"p1.{number}" for number in range(10)), tenant=GLOBEX)

    await world.enforce()

    assert (len(left(redis_client)), len(left(redis_client, GLOBEX))) == (15, 5)


async def test_enforce__another_tenants_limit__untouched(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=1), tenant("globex"))
    await world.put("p1.a", "p1.b", tenant=GLOBEX)

    await world.enforce()

    assert len(left(redis_client, GLOBEX)) == 2


async def test_flush__served_entry_that_has_gone__not_back_in_the_account(
    world: World, redis_client: redis.Redis
) -> None:
    world.limit(acme(max_entries=9))

    await world.serve("p1.gone")

    assert not redis_client.exists(redis_names.used(ACME))


async def test_note_served__no_limit__nothing_written(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put("p1.a")

    await world.serve("p1.a")

    assert not redis_client.exists(redis_names.used(ACME))


async def test_relieve__nearly_full__least_used_go_and_nothing_else(
    world: World, limited_redis: redis.Redis
) -> None:
    limited_redis.lpush("celery", "a job")
    limited_redis.set(redis_names.snapshot_body(1), "x" * 100_000)
    world.limit(acme(max_entries=10_000))
    await world.put(*(f"p1.{number}" for number in range(300)), answer="x" * 10_000)
    await world.serve("p1.7")
    used: Any = limited_redis.info("memory")
    limited_redis.config_set("maxmemory", int(used["used_memory"] / 0.95))

    evicted = await world.evictor.relieve()

    assert 0 < evicted < 300
    assert await share(world) <= 0.9
    assert "p1.7" in left(limited_redis)
    assert limited_redis.exists("celery", redis_names.snapshot_body(1)) == 2


async def test_relieve__no_memory_limit__nothing_goes(world: World) -> None:
    await world.put("p1.a")

    assert await world.evictor.relieve() == 0


async def test_relieve__nothing_left_to_evict__gives_up(
    world: World, limited_redis: redis.Redis
) -> None:
    limited_redis.config_set("maxmemory", 1)

    assert await world.evictor.relieve() == 0


async def test_run__redis_full__room_made_without_a_lease_or_an_account_of_use(
    world: World, limited_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.store.collector._ROUND_SECONDS", 0.02)
    await world.put(*(f"p1.{number}" for number in range(300)), answer="x" * 10_000)
    used: Any = limited_redis.info("memory")
    limited_redis.config_set("maxmemory", int(used["used_memory"] * 0.95))
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        limited_redis.set("x", "y")

    collector = Collector(
        world.client, active=lambda: None, on_error=lambda _: None, evictor=world.evictor
    )
    running = asyncio.create_task(collector.run())
    async with asyncio.timeout(20):
        while await share(world) > 0.9:
            await asyncio.sleep(0.05)
    await stop_tasks([running])

    assert limited_redis.set("x", "y")


async def test_put__redis_full__refused_and_what_is_there_still_served(
    world: World, limited_redis: redis.Redis
) -> None:
    await world.put("p1.a")
    limited_redis.config_set("maxmemory", 1)

    with pytest.raises(CacheUnavailable, match="store"):
        await world.put("p1.b")

    assert await world.store.get(tenant=ACME, partition="p1", entry_id="a")


async def test_read__above_the_warning__told_once_and_in_the_metric(
    world: World, limited_redis: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    used: Any = limited_redis.info("memory")
    limited_redis.config_set("maxmemory", int(used["used_memory"] / 0.85))

    await world.memory.read()
    await world.memory.read()

    assert [record.msg.split()[0] for record in caplog.records] == ["memory.high"]
    assert world.memory.share is not None
    assert f"reprise_redis_memory_share {world.memory.share}".encode() in metrics.render()
