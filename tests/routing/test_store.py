from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

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


async def keep(
    store: EntryStore, kept: Entry, *, vector: bytes | None = None, **extras: Any
) -> bool:
    values: dict[str, Any] = {"rests_on": kept.documents, "asked_at": NOW}
    return await store.put(kept, vector=vector, **(values | extras))


async def test_get__stored_entry__equal(store: EntryStore) -> None:
    await keep(store, fresh())

    assert await store.get(tenant=ACME, partition="p1", entry_id="e1") == fresh()


async def test_get__another_partition__nothing(store: EntryStore) -> None:
    await keep(store, fresh())

    assert await store.get(tenant=ACME, partition="p2", entry_id="e1") is None


async def test_put__entry_with_expiry__redis_forgets_it_then(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await keep(store, fresh())

    assert redis_client.expiretime(redis_names.entry(ACME, "p1", "e1")) == LATER


async def test_nearest__stored_vectors__exact_cosine_not_redis_scale(store: EntryStore) -> None:
    rng = np.random.default_rng(7)
    vectors = [unit(*rng.normal(size=384)) for _ in range(20)]
    for number, vector in enumerate(vectors):
        await keep(store, fresh(f"e{number}"), vector=vector.tobytes())
    asked = unit(*(vectors[3] + 0.02 * rng.normal(size=384)))

    found = await store.nearest(tenant=ACME, partition="p1", vector=asked, count=5)

    expected = sorted((float(vector @ asked) for vector in vectors), reverse=True)
    assert found.candidates[0].entry.entry_id == "e3"
    assert found.candidates[0].similarity == pytest.approx(expected[0], abs=1e-6)


async def test_nearest__entry_gone__named_as_orphan(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await keep(store, fresh(), vector=unit(1, 0).tobytes())
    redis_client.delete(redis_names.entry(ACME, "p1", "e1"))

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert (found.candidates, found.orphans) == ((), ("e1",))


async def test_nearest__many_entries_gone__do_not_hide_those_that_are_there(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    for number in range(8):
        await keep(store, fresh(f"gone{number}"), vector=unit(1, number / 1_000).tobytes())
        redis_client.delete(redis_names.entry(ACME, "p1", f"gone{number}"))
    for number, entry_id in enumerate(("first", "second", "third"), start=1):
        await keep(store, fresh(entry_id), vector=unit(1, number / 10).tobytes())

    nearest = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=2)

    assert [found.entry.entry_id for found in nearest.candidates] == ["first", "second"]
    assert len(nearest.orphans) == 2


@pytest.mark.parametrize("damage", [b"short", np.array([np.nan, 0], dtype=np.float32).tobytes()])
async def test_nearest__damaged_vector__never_a_candidate(
    store: EntryStore, redis_client: redis.Redis, damage: bytes
) -> None:
    await keep(store, fresh(), vector=unit(1, 0).tobytes())
    redis_client.hset(redis_names.entry(ACME, "p1", "e1"), "v", damage)

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert (found.candidates, found.orphans) == ((), ("e1",))


async def test_forget_vectors__orphan__no_longer_near(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await keep(store, fresh(), vector=unit(1, 0).tobytes())
    redis_client.delete(redis_names.entry(ACME, "p1", "e1"))
    await store.forget_vectors(tenant=ACME, partition="p1", ids=["e1"])

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert found.orphans == ()


async def test_forget_vectors__entry_stored_again_meanwhile__kept(store: EntryStore) -> None:
    await keep(store, fresh(), vector=unit(1, 0).tobytes())

    await store.forget_vectors(tenant=ACME, partition="p1", ids=["e1"])

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)
    assert [candidate.entry.entry_id for candidate in found.candidates] == ["e1"]


async def test_forget_vectors__entry_stored_again_without_one__gone(store: EntryStore) -> None:
    await keep(store, fresh(), vector=unit(1, 0).tobytes())
    await keep(store, fresh())
    await store.forget_vectors(tenant=ACME, partition="p1", ids=["e1"])

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert found.orphans == ()


async def test_put__write_refused__partition_in_the_books_already(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    redis_client.set(redis_names.expiries(ACME, "p1"), "not a sorted set")

    with pytest.raises(CacheUnavailable):
        await keep(store, fresh())

    assert redis_client.zscore(redis_names.partitions(ACME), "p1") == LATER


async def test_put__same_query_again__replaces_answer_and_vector(store: EntryStore) -> None:
    await keep(store, fresh(answer="Old."), vector=unit(1, 0).tobytes())
    await keep(store, fresh(answer="New."), vector=unit(1, 0).tobytes())

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert [candidate.entry.answer for candidate in found.candidates] == ["New."]


async def test_put__asked_before_the_one_in_its_place__that_one_stays(store: EntryStore) -> None:
    await keep(store, fresh(answer="New."), vector=unit(1, 0).tobytes(), asked_at=NOW)
    await keep(store, fresh(answer="Slow."), vector=unit(1, 0).tobytes(), asked_at=NOW - 30)

    found = await store.get(tenant=ACME, partition="p1", entry_id="e1")

    assert found is not None
    assert found.answer == "New."


async def test_put__same_query_again_without_vector__no_longer_near(store: EntryStore) -> None:
    await keep(store, fresh(answer="Old."), vector=unit(1, 0).tobytes())
    await keep(store, fresh(answer="New."))

    found = await store.nearest(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert found.candidates == ()


async def test_put__documents__partition_listed_under_each_version(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await keep(store, fresh(documents={"manual": "3"}))

    listed = redis_client.smembers(redis_names.document_partitions(ACME, "manual", "3"))

    assert listed == {b"p1"}


async def test_put__generations__partition_listed_under_each(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await keep(store, fresh(), rests_on={"@tenant": "1", "@policy.p": "2"})

    listed = redis_client.smembers(redis_names.document_partitions(ACME, "@policy.p", "2"))
    assert listed == {b"p1"}


async def test_put__grace__redis_keeps_it_so_much_longer(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await keep(store, fresh(grace_seconds=60))

    assert redis_client.expiretime(redis_names.entry(ACME, "p1", "e1")) == LATER + 60
    assert redis_client.zscore(redis_names.expiries(ACME, "p1"), "e1") == LATER + 60


async def test_put__tags_and_users__named_in_indexes_that_expire(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await keep(store, fresh(tags=("order:1",), asked_by="ann", user="ann"))

    for name in (redis_names.tagged(ACME, "order:1"), redis_names.asked_by(ACME, "ann")):
        assert redis_client.zrange(name, 0, -1) == [b"p1.e1"]
        assert redis_client.expiretime(name) == LATER


async def test_put__shorter_lived_entry_of_the_same_tag__index_outlives_it(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    await keep(store, fresh(tags=("order:1",)))
    await keep(store, fresh("e2", tags=("order:1",), expires=NOW + 5))

    assert redis_client.expiretime(redis_names.tagged(ACME, "order:1")) == LATER


async def test_put__expired_members_in_the_index__trimmed(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    redis_client.zadd(redis_names.tagged(ACME, "order:1"), {"p1.old": NOW - 10})

    await keep(store, fresh(tags=("order:1",)))

    assert redis_client.zrange(redis_names.tagged(ACME, "order:1"), 0, -1) == [b"p1.e1"]


CUTS = [
    "tenant",
    "policy:policy-default",
    "entry:p1.e1",
    "tag:order:1",
    f"user:{redis_names.user_digest('ann')}",
]


@pytest.mark.parametrize("cut", CUTS)
async def test_put__cut_since_it_was_asked__not_kept(
    store: EntryStore, redis_client: redis.Redis, cut: str
) -> None:
    redis_client.set(redis_names.cut(ACME, cut), repr(NOW + 0.5))

    kept = await keep(store, fresh(tags=("order:1",), asked_by="ann"), asked_at=NOW + 0.4)

    assert not kept
    assert await store.get(tenant=ACME, partition="p1", entry_id="e1") is None


@pytest.mark.parametrize("cut", CUTS)
async def test_put__asked_after_the_cut__kept(
    store: EntryStore, redis_client: redis.Redis, cut: str
) -> None:
    redis_client.set(redis_names.cut(ACME, cut), repr(NOW + 0.5))

    assert await keep(store, fresh(tags=("order:1",), asked_by="ann"), asked_at=NOW + 0.6)


@pytest.mark.parametrize("cut", ["tag:order:2", "entry:p1.e2", "policy:other"])
async def test_put__cut_of_something_else__kept(
    store: EntryStore, redis_client: redis.Redis, cut: str
) -> None:
    redis_client.set(redis_names.cut(ACME, cut), repr(NOW + 0.5))

    assert await keep(store, fresh(tags=("order:1",)), asked_at=NOW)


async def test_put__cut_of_another_tenant__kept(
    store: EntryStore, redis_client: redis.Redis
) -> None:
    redis_client.set(redis_names.cut("uid-globex", "tag:order:1"), repr(NOW + 0.5))

    assert await keep(store, fresh(tags=("order:1",)))


async def test_neighbours__stored_answers__nearest_first_with_their_vectors(
    store: EntryStore,
) -> None:
    answer = np.array([1, 0], dtype=np.float16)
    await keep(store, fresh("far"), vector=unit(0, 1).tobytes())
    await keep(store, fresh("near"), vector=unit(1, 0.1).tobytes(), answer_vector=answer.tobytes())

    near, far = await store.neighbours(tenant=ACME, partition="p1", vector=unit(1, 0), count=5)

    assert (near.entry.entry_id, far.entry.entry_id) == ("near", "far")
    assert near.answer_vector is not None
    assert near.answer_vector.tolist() == [1, 0]
    assert far.answer_vector is None


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
