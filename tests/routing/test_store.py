from __future__ import annotations

import time
from collections.abc import AsyncIterator

import msgspec
import numpy as np
import pytest
import redis
from numpy.typing import NDArray
from redis.asyncio import Redis

from routing import redis_names
from routing.errors import CacheUnavailable
from routing.store.entries import EntryStore
from routing.types import Entry
from tests.routing.builders import entry

ACME = "uid-acme"
NOW = int(time.time())
LATER = NOW + 3_600


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[EntryStore]:
    client = Redis.from_url(redis_url)
    yield EntryStore(fast=client, patient=client, budget_seconds=2)
    await client.aclose()


def unit(*values: float) -> NDArray[np.float32]:
    vector = np.array(values, dtype=np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def fresh(entry_id: str = "e1", **changes: object) -> Entry:
    times = {"created": NOW, "expires": LATER}
    return msgspec.structs.replace(entry(), entry_id=entry_id, **(times | changes))


async def test_get__stored_entry__equal(store: EntryStore) -> None:
    await store.put(fresh(), tenant=ACME, vector=None)

    assert await store.get(tenant=ACME, partition="p1", entry_id="e1") == fresh()


async def test_get__another_partition__nothing(store: EntryStore) -> None:
    await store.put(fresh(), tenant=ACME, vector=None)

    assert await store.get(tenant=ACME, partition="p2", entry_id="e1") is None


async def test_put__entry_with_expiry__redis_forgets_it_then(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await store.put(fresh(), tenant=ACME, vector=None)

    assert redis_client.expiretime(redis_names.entry(ACME, "p1", "e1")) == LATER


async def test_nearest__stored_vectors__exact_cosine_not_redis_scale(store: EntryStore) -> None:
    rng = np.random.default_rng(7)
    vectors = [unit(*rng.normal(size=384)) for _ in range(20)]
    for number, vector in enumerate(vectors):
        await store.put(fresh(f"e{number}"), tenant=ACME, vector=vector.tobytes())
    asked = unit(*(vectors[3] + 0.02 * rng.normal(size=384)))

    found = await store.nearest(tenant=ACME, partition="p1", vector=asked, count=5)

    expected = sorted((float(vector @ asked) for vector in vectors), reverse=True)
    assert found.candidates[0].entry.entry_id == "e3"
    assert found.candidates[0].similarity == pytest.approx(expected[0], abs=1e-6)


async def test_nearest__entry_gone__named_as_orphan(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await store.put(fresh(), tenant=ACME, vector=unit(1, 0).tobytes())
    redis_client.delete(redis_names.entry(ACME, "p1", "e1"))

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert (found.candidates, found.orphans) == ((), ("e1",))


@pytest.mark.parametrize("damage", [b"short", np.array([np.nan, 0], dtype=np.float32).tobytes()])
async def test_nearest__damaged_vector__never_a_candidate(
    store: EntryStore, redis_client: redis.Redis, damage: bytes
) -> None:
    await store.put(fresh(), tenant=ACME, vector=unit(1, 0).tobytes())
    redis_client.hset(redis_names.entry(ACME, "p1", "e1"), "v", damage)

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert (found.candidates, found.orphans) == ((), ("e1",))


async def test_forget_vectors__orphan__no_longer_near(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await store.put(fresh(), tenant=ACME, vector=unit(1, 0).tobytes())
    redis_client.delete(redis_names.entry(ACME, "p1", "e1"))
    await store.forget_vectors(tenant=ACME, partition="p1", ids=["e1"])

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert found.orphans == ()


async def test_forget_vectors__entry_stored_again_meanwhile__kept(store: EntryStore) -> None:
    await store.put(fresh(), tenant=ACME, vector=unit(1, 0).tobytes())

    await store.forget_vectors(tenant=ACME, partition="p1", ids=["e1"])

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)
    assert [candidate.entry.entry_id for candidate in found.candidates] == ["e1"]


async def test_forget_vectors__entry_stored_again_without_one__gone(store: EntryStore) -> None:
    await store.put(fresh(), tenant=ACME, vector=unit(1, 0).tobytes())
    await store.put(fresh(), tenant=ACME, vector=None)
    await store.forget_vectors(tenant=ACME, partition="p1", ids=["e1"])

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert found.orphans == ()


async def test_put__write_refused__partition_in_the_books_already(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    redis_client.set(redis_names.expiries(ACME, "p1"), "not a sorted set")

    with pytest.raises(CacheUnavailable):
        await store.put(fresh(), tenant=ACME, vector=None)

    assert redis_client.zscore(redis_names.partitions(ACME), "p1") == LATER


async def test_put__same_query_again__replaces_answer_and_vector(store: EntryStore) -> None:
    await store.put(fresh(answer="Old."), tenant=ACME, vector=unit(1, 0).tobytes())
    await store.put(fresh(answer="New."), tenant=ACME, vector=unit(1, 0).tobytes())

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert [candidate.entry.answer for candidate in found.candidates] == ["New."]


async def test_put__documents__partition_listed_under_each_version(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await store.put(fresh(documents={"manual": "3"}), tenant=ACME, vector=None)

    listed = redis_client.smembers(redis_names.document_partitions(ACME, "manual", "3"))

    assert listed == {b"p1"}


async def test_get__unreadable_entry__unavailable_not_a_miss(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    redis_client.hset(redis_names.entry(ACME, "p1", "e1"), "e", b"\xff not msgpack")

    with pytest.raises(CacheUnavailable, match="unreadable"):
        await store.get(tenant=ACME, partition="p1", entry_id="e1")


async def test_get__redis_gone__unavailable() -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    store = EntryStore(fast=nowhere, patient=nowhere, budget_seconds=2)

    with pytest.raises(CacheUnavailable):
        await store.get(tenant=ACME, partition="p1", entry_id="e1")
