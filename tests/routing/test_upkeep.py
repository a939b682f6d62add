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

from routing import redis_names, upkeep
from routing.store.entries import EntryStore
from routing.store.removal import SLICE
from routing.types import Entry
from routing.upkeep import Preview, Progress, Receipt
from tests.routing.builders import entry, policy, snapshot, tenant

ACME, GLOBEX = "uid-acme", "uid-globex"
NOW = int(time.time())
LATER = NOW + 3_600
VECTOR = np.array([1, 0], dtype=np.float32).tobytes()
ANN = redis_names.user_digest("ann")


@dataclass
class World:
    """A store of entries that were asked a minute ago."""

    store: EntryStore
    client: Redis

    async def put(
        self,
        entry_id: str = "e1",
        *,
        asked_at: float = NOW - 60,
        rests_on: Mapping[str, str] = {"@tenant": "1"},
        **changes: Any,
    ) -> bool:
        values = {"entry_id": entry_id, "created": NOW, "expires": LATER} | changes
        kept = msgspec.structs.replace(entry(), **values)
        return await self.store.put(kept, vector=VECTOR, rests_on=rests_on, asked_at=asked_at)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    client = Redis.from_url(redis_url)
    yield World(EntryStore(fast=client, patient=client, budget_seconds=2), client)
    await client.aclose()


def kept(client: redis.Redis, tenant: str = ACME) -> list[str]:
    """What is left: ``<partition> <entry>`` of every entry."""
    start = f"reprise:t:{tenant}:{{"
    found: Any = client.keys(f"{start}*}}:e:*")
    return sorted(key.decode().removeprefix(start).replace("}:e:", " ") for key in found)


def figures(receipt: Receipt) -> tuple[int, int, int]:
    return receipt.entries, receipt.index_keys, receipt.residual


async def test_erase_entry__one_of_two__the_other_kept(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put("e1")
    await world.put("e2")

    receipt = await upkeep.erase_entry(world.client, tenant=ACME, entry="p1.e1")

    assert (receipt.what, *figures(receipt)) == ("entry:p1.e1", 1, 0, 0)
    assert kept(redis_client) == ["p1 e2"]
    assert redis_client.vset().vcard(redis_names.vectors(ACME, "p1")) == 1


async def test_erase_entry__that_is_not_there__nothing_removed(world: World) -> None:
    receipt = await upkeep.erase_entry(world.client, tenant=ACME, entry="p1.e1")

    assert figures(receipt) == (0, 0, 0)


async def test_erase_entry__with_a_tag__index_of_the_tag_gone(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put(tags=("order:1",))

    receipt = await upkeep.erase_entry(world.client, tenant=ACME, entry="p1.e1")

    assert figures(receipt) == (1, 1, 0)
    assert not redis_client.exists(redis_names.tagged(ACME, "order:1"))


async def test_erase_tag__many_entries_in_many_partitions__only_those(
    world: World, redis_client: redis.Redis
) -> None:
    for number in range(60):
        await world.put(f"e{number}", partition=f"p{number % 7}", tags=("order:1", "order:2"))
    await world.put("other", tags=("order:2",))

    receipt = await upkeep.erase_tag(world.client, tenant=ACME, tag="order:1")

    assert figures(receipt) == (60, 1, 0)
    assert kept(redis_client) == ["p1 other"]


async def test_erase_tag__of_another_tenant__kept(world: World, redis_client: redis.Redis) -> None:
    await world.put(tenant=GLOBEX, tags=("order:1",))

    receipt = await upkeep.erase_tag(world.client, tenant=ACME, tag="order:1")

    assert receipt.entries == 0
    assert kept(redis_client, GLOBEX) == ["p1 e1"]


async def test_erase_tag__index_lost__found_by_the_look_at_the_entries(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put(tags=("order:1",))
    redis_client.delete(redis_names.tagged(ACME, "order:1"))

    receipt = await upkeep.erase_tag(world.client, tenant=ACME, tag="order:1")

    assert (receipt.entries, receipt.residual) == (1, 0)
    assert kept(redis_client) == []


async def test_erase_tag__asked_after_the_cut__kept_and_no_residue(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put("old", tags=("order:1",))
    await world.put("new", tags=("order:1",), asked_at=LATER)

    receipt = await upkeep.erase_tag(world.client, tenant=ACME, tag="order:1")

    assert figures(receipt) == (1, 0, 0)
    assert kept(redis_client) == ["p1 new"]
    assert redis_client.zrange(redis_names.tagged(ACME, "order:1"), 0, -1) == [b"p1.new"]


async def test_erase_tag__answer_under_way__not_stored_afterwards(world: World) -> None:
    await upkeep.erase_tag(world.client, tenant=ACME, tag="order:1")

    assert not await world.put(tags=("order:1",), asked_at=NOW - 1)


async def test_erase_tag__stores_at_the_same_time__none_asked_before_is_left(
    world: World, redis_client: redis.Redis
) -> None:
    turns = asyncio.Semaphore(30)

    async def store(number: int) -> None:
        await asyncio.sleep(number / 5_000)
        async with turns:
            await world.put(f"e{number}", tags=("order:1",), asked_at=time.time() - 0.005)

    storing = asyncio.gather(*(store(number) for number in range(200)))
    await asyncio.sleep(0.02)
    receipt = await upkeep.erase_tag(world.client, tenant=ACME, tag="order:1")
    await storing

    left = kept(redis_client)
    names = [redis_names.entry(ACME, "p1", item[3:]) for item in left]
    asked: Any = [redis_client.hget(name, "at") for name in names]
    named: Any = redis_client.zrange(redis_names.tagged(ACME, "order:1"), 0, -1)
    assert all(float(value) >= receipt.asked_at.timestamp() for value in asked)
    assert set(left) <= {name.decode().replace(".", " ") for name in named}


async def test_erase_user__what_he_caused_and_what_is_his_alone__gone(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put("caused", asked_by="ann")
    await world.put("own", user="ann")
    await world.put("other", asked_by="bob")

    receipt = await upkeep.erase_user(world.client, tenant=ACME, user="ann")

    assert (receipt.what, *figures(receipt)) == (f"user:{ANN}", 2, 1, 0)
    assert kept(redis_client) == ["p1 other"]


async def test_erase_policy__every_generation__gone_from_the_books_too(
    world: World, redis_client: redis.Redis
) -> None:
    for number in (1, 2):
        rests_on = {"@policy.policy-default": str(number)}
        await world.put(partition=f"p{number}", rests_on=rests_on)
    await world.put(partition="p3", policy="another", rests_on={"@policy.another": "1"})

    receipt = await upkeep.erase_policy(world.client, tenant=ACME, policy="policy-default")

    # Of each partition: the expiries, the vectors, and the versions it rests on.
    assert figures(receipt) == (2, 6, 0)
    assert kept(redis_client) == ["p3 e1"]
    assert redis_client.zrange(redis_names.partitions(ACME), 0, -1) == [b"p3"]


async def test_erase_tenant__other_tenant__untouched(
    world: World, redis_client: redis.Redis
) -> None:
    for number in range(40):
        await world.put(f"e{number}", partition=f"p{number % 3}")
    await world.put(tenant=GLOBEX)

    receipt = await upkeep.erase_tenant(world.client, tenant=ACME)

    assert (receipt.entries, receipt.residual) == (40, 0)
    assert (kept(redis_client), kept(redis_client, GLOBEX)) == ([], ["p1 e1"])


async def test_erase_tenant__nothing_stored_since__only_the_cut_is_left(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put(rests_on={"@tenant": "1", "manual": "2"}, tags=("order:1",), asked_by="ann")
    redis_client.zadd(redis_names.used(ACME), {"p1.e1": 1})

    await upkeep.erase_tenant(world.client, tenant=ACME)

    left = redis_client.keys(redis_names.tenant_prefix(ACME) + "*")
    assert left == [redis_names.cut(ACME, "tenant").encode()]


async def test_erase_tenant__entry_that_nobody_can_read__gone(
    world: World, redis_client: redis.Redis
) -> None:
    redis_client.hset(redis_names.entry(ACME, "p9", "e9"), "e", b"\xff not msgpack")

    receipt = await upkeep.erase_tenant(world.client, tenant=ACME)

    assert (receipt.entries, receipt.residual) == (1, 0)


async def test_erase_tenant__uid_with_the_signs_of_a_pattern__others_untouched(
    world: World, redis_client: redis.Redis
) -> None:
    await world.put()

    receipt = await upkeep.erase_tenant(world.client, tenant="uid-*")

    assert receipt.entries == 0
    assert kept(redis_client) == ["p1 e1"]


async def test_erase_tenant__progress__counts_up_to_the_total(world: World) -> None:
    for number in range(60):
        await world.put(f"e{number}")
    told: list[Progress] = []

    await upkeep.erase_tenant(world.client, tenant=ACME, on_progress=told.append)

    assert told[0] == Progress(SLICE, 60)
    assert max(item.done for item in told) == 60


async def test_preview_document__entries_in_two_partitions__counted(world: World) -> None:
    for number in range(3):
        await world.put(f"e{number}", partition=f"p{number % 2}", rests_on={"manual": "4"})
    await world.put("older", partition="p9", rests_on={"manual": "3"})

    found = await upkeep.preview_document(world.client, tenant=ACME, document="manual", version=4)

    assert found == Preview(partitions=2, entries=3, exact=True)


async def test_preview_document__more_partitions_than_are_looked_at__at_least(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.upkeep._PREVIEWED_PARTITIONS", 2)
    for number in range(3):
        await world.put(partition=f"p{number}", rests_on={"manual": "4"})

    found = await upkeep.preview_document(world.client, tenant=ACME, document="manual", version=4)

    assert found == Preview(partitions=3, entries=2, exact=False)


async def test_preview__policy_tenant_tag_and_user__counted(world: World) -> None:
    rests_on = {"@tenant": "1", "@policy.policy-default": "1"}
    await world.put(rests_on=rests_on, tags=("order:1",), asked_by="ann")
    client, one = world.client, Preview(partitions=1, entries=1, exact=True)

    by_policy = await upkeep.preview_policy(
        client, tenant=ACME, policy="policy-default", generation=1
    )

    assert (by_policy, await upkeep.preview_tenant(client, tenant=ACME, generation=1)) == (one, one)
    assert await upkeep.preview_tag(client, tenant=ACME, tag="order:1") == 1
    assert await upkeep.preview_user(client, tenant=ACME, user="ann") == 1


async def test_usage__three_entries__counted_and_their_bytes_estimated(world: World) -> None:
    for number in range(3):
        await world.put(f"e{number}", partition=f"p{number % 2}", answer="x" * 5_000)

    size = await upkeep.usage(world.client, tenant=ACME)

    assert (size.entries, size.partitions, size.sampled, size.exact) == (3, 2, 3, True)
    assert 15_000 < size.bytes < 30_000


async def test_usage__nothing_kept__zero(world: World) -> None:
    size = await upkeep.usage(world.client, tenant=ACME)

    assert (size.entries, size.partitions, size.bytes) == (0, 0, 0)


async def test_memory__limit_set__share_of_it(world: World, redis_client: redis.Redis) -> None:
    redis_client.config_set("maxmemory", 1 << 30)

    found = await upkeep.memory(world.client)
    redis_client.config_set("maxmemory", 0)

    assert found.limit_bytes == 1 << 30
    assert found.share == pytest.approx(found.used_bytes / (1 << 30))


async def test_memory__no_limit__no_share(world: World) -> None:
    assert (await upkeep.memory(world.client)).share is None


async def test_hottest__account_of_use_kept__most_used_first(
    world: World, redis_client: redis.Redis
) -> None:
    for number in range(3):
        await world.put(f"e{number}")
    redis_client.zadd(redis_names.used(ACME), {"p1.e0": 5, "p1.e1": 9, "p1.e2": 1, "p1.gone": 99})

    found = await upkeep.hottest(world.client, tenant=ACME, count=3)

    assert [item.entry_id for item in found] == ["e1", "e0"]


async def test_hottest__no_account_kept__longest_lived_first(world: World) -> None:
    await world.put("e1", expires=LATER)
    await world.put("e2", expires=LATER + 60)

    found: tuple[Entry, ...] = await upkeep.hottest(world.client, tenant=ACME, count=1)

    assert [item.entry_id for item in found] == ["e2"]


async def test_compact__generation_raised__old_answers_gone(world: World) -> None:
    await world.put(rests_on={"@policy.policy-default": "1"})
    raised = snapshot(tenant(policies=(policy(generation=2),)))

    collected = await upkeep.compact(world.client, snapshot=raised)

    assert (collected.entries, collected.partitions) == (1, 1)
