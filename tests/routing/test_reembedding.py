from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from redis.asyncio import Redis

from routing import redis_names
from routing.active import ActiveConfig, activate
from routing.embedding_models import Reembedding
from routing.errors import CacheUnavailable
from routing.keys import partition_under
from routing.reembedding import Reembedder, Vector
from routing.store.entries import EntryStore
from routing.types import Entry
from tests.routing.builders import document, entry, snapshot, tenant

ACME = "uid-acme"
NOW = int(time.time()) + 86_400
"""Tomorrow, so that Redis itself expires nothing while the tests run."""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OLD, NEW = partition_under("base", "old@1"), partition_under("base", "new@1")


@dataclass
class Model:
    """Gives every text one vector, and fails for texts that hold `poison`."""

    model_id: str = "new@1"
    poison: str = "nothing holds this"
    before: Callable[[], Awaitable[object]] | None = None
    texts: list[str] = field(default_factory=list)

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        if self.before is not None:
            await self.before()
        if any(self.poison in text for text in texts):
            raise CacheUnavailable("embedding", "the model is away")
        self.texts += texts
        return [np.array([0, 1], dtype=np.float32) for _ in texts]


class World:
    """A tenant whose model has become `new`, and what lay under its old one."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self.store = EntryStore(fast=client, patient=client, budget_seconds=2)
        self.model: Model | None = Model()
        self.name = "new"
        self.changes = 1
        self.config = self.configured(manual_version=1)
        self.ahead = 0.0
        self.errors: list[str] = []

    def configured(self, *, manual_version: int) -> ActiveConfig:
        return activate(snapshot(tenant("acme", documents=(document("manual", manual_version),))))

    def settled(self, uid: str) -> Model | None:
        return self.model

    def name_of(self, uid: str) -> str:
        return self.name

    def reembedder(self) -> Reembedder:
        return Reembedder(
            self.client,
            store=self.store,
            models=self,
            active=lambda: self.config,
            on_error=self.errors.append,
            per_second=10_000,
            clock=lambda: NOW + self.ahead,
        )

    async def put(self, entry_id: str = "e1", **changes: Any) -> Entry:
        values = {"created": NOW, "expires": NOW + 600, "partition": OLD, "base": "base"} | changes
        kept = msgspec.structs.replace(entry(), entry_id=entry_id, **values)
        vector = np.array([1, 0], dtype=np.float32).tobytes()
        await self.store.put(
            kept,
            vector=vector,
            rests_on={"manual": "1"},
            asked_at=NOW - 5.5,
            answer_vector=np.array([1, 0], dtype=np.float16).tobytes(),
        )
        return kept

    async def tell(self, model: str = "old", **changes: Any) -> None:
        values: dict[str, Any] = {"model_id": f"{model}@1", "state": "done", "attempts": 1}
        told = Reembedding(
            model=model, started_at=LONG_AGO, updated_at=LONG_AGO, **(values | changes)
        )
        await self.client.hset(redis_names.REEMBEDDING, ACME, msgspec.json.encode(told))

    async def told(self) -> Reembedding:
        blob = await self.client.hget(redis_names.REEMBEDDING, ACME)
        assert isinstance(blob, bytes)
        return msgspec.json.decode(blob, type=Reembedding)

    async def found(self, entry_id: str = "e1", *, partition: str = NEW) -> Entry | None:
        return await self.store.get(tenant=ACME, partition=partition, entry_id=entry_id)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    client = Redis.from_url(redis_url)
    world = World(client)
    await world.tell("old")
    yield world
    await client.aclose()


async def test_round__model_changed__entry_under_it_with_everything_as_it_was(
    world: World,
) -> None:
    kept = await world.put(tags=("order:1",), user="ana", asked_by="ana", group="g1")

    await world.reembedder().round()

    assert await world.found() == msgspec.structs.replace(kept, partition=NEW)


async def test_round__model_changed__found_by_the_new_vector(world: World) -> None:
    await world.put()

    await world.reembedder().round()

    asked = np.array([0, 1], dtype=np.float32)
    nearest = await world.store.nearest(tenant=ACME, partition=NEW, vector=asked, count=1)
    assert nearest.candidates[0].similarity == pytest.approx(1.0)


async def test_round__answer_had_a_vector__the_copy_has_one_of_the_new_model(
    world: World,
) -> None:
    await world.put()

    await world.reembedder().round()

    asked = np.array([0, 1], dtype=np.float32)
    (near,) = await world.store.neighbours(tenant=ACME, partition=NEW, vector=asked, count=1)
    assert near.answer_vector is not None
    assert near.answer_vector.tolist() == [0, 1]


async def test_round__model_changed__expires_when_it_would_have(world: World) -> None:
    await world.put()

    await world.reembedder().round()

    assert await world.client.expiretime(redis_names.entry(ACME, NEW, "e1")) == NOW + 600


async def test_round__all_copied__told_done(world: World) -> None:
    for number in range(40):
        await world.put(f"e{number}")

    await world.reembedder().round()

    told = await world.told()
    assert (told.model_id, told.state, told.total, told.done) == ("new@1", "done", 40, 40)
    assert await world.client.exists(redis_names.REEMBEDDING_LEASE) == 0


async def test_round__done_before__nothing_embedded_again(world: World) -> None:
    await world.put()
    await world.tell("new")

    await world.reembedder().round()

    assert await world.found() is None


async def test_round__interrupted_before__taken_up_and_what_is_in_place_passed_over(
    world: World,
) -> None:
    await world.put("e1")
    await world.put("e2")
    await world.put("e1", partition=NEW, answer="In place.")
    await world.tell("new", state="running")

    await world.reembedder().round()

    in_place = await world.found("e1")
    assert in_place is not None
    assert in_place.answer == "In place."
    assert await world.found("e2") is not None
    assert (await world.told()).attempts == 2


async def test_round__tenant_never_seen__noted_without_copying(world: World) -> None:
    await world.client.delete(redis_names.REEMBEDDING)
    await world.put()

    await world.reembedder().round()

    assert (await world.told()).state == "done"
    assert await world.found() is None


async def test_round__model_not_ready__nothing(world: World) -> None:
    await world.put()
    world.model = None

    await world.reembedder().round()

    assert (await world.told()).model == "old"


async def test_round__document_bumped_since__not_copied(world: World) -> None:
    await world.put()
    world.config = world.configured(manual_version=2)

    await world.reembedder().round()

    assert await world.found() is None
    assert (await world.told()).state == "done"


async def test_round__newer_snapshot_published__left_to_those_that_know_it(world: World) -> None:
    await world.put()
    await world.client.set(redis_names.SNAPSHOT_POINTER, "2:abc")

    await world.reembedder().round()

    assert (await world.told()).model == "old"


async def test_round__another_runtime_holds_the_lease__nothing(world: World) -> None:
    await world.put()
    await world.client.set(redis_names.REEMBEDDING_LEASE, "other")

    await world.reembedder().round()

    assert await world.found() is None


async def test_round__text_that_the_model_cannot_take__the_others_copied(world: World) -> None:
    await world.put("e1", query="poison")
    await world.put("e2")
    world.model = Model(poison="poison")

    await world.reembedder().round()

    told = await world.told()
    assert (told.state, told.done, told.failed) == ("done", 1, 1)
    assert await world.found("e2") is not None


async def test_round__model_away__told_why_and_tried_again_later(world: World) -> None:
    await world.put("e1")
    world.model = Model(poison="")
    with pytest.raises(CacheUnavailable):
        await world.reembedder().round()
    told = await world.told()
    assert (told.state, told.error) == ("running", "the model is away")

    world.model, world.ahead = Model(), 10.0
    await world.reembedder().round()

    assert (await world.told()).state == "done"


async def test_round__away_for_good__told_failed(world: World) -> None:
    await world.put("e1")
    await world.tell("new", state="running", attempts=11)
    world.model = Model(poison="")

    with pytest.raises(CacheUnavailable):
        await world.reembedder().round()

    assert (await world.told()).state == "failed"


async def test_round__entry_erased_under_way__copy_goes_too(world: World) -> None:
    await world.put()
    erased = redis_names.entry(ACME, OLD, "e1")
    world.model = Model(before=lambda: world.client.delete(erased))

    await world.reembedder().round()

    assert await world.found() is None
    assert await world.client.zcard(redis_names.expiries(ACME, NEW)) == 0


async def test_round__tag_cut_under_way__not_copied(world: World) -> None:
    await world.put(tags=("order:1",))
    cut = redis_names.cut(ACME, "tag:order:1")
    world.model = Model(before=lambda: world.client.set(cut, NOW))

    await world.reembedder().round()

    assert await world.found() is None


async def test_round__model_changes_again_under_way__stops(world: World) -> None:
    for number in range(40):
        await world.put(f"e{number}")
    model = world.model = Model()

    async def change() -> None:
        world.model = Model("third@1")

    model.before = change
    await world.reembedder().round()

    assert 0 < len(model.texts) < 80
    assert (await world.told()).state == "running"


async def test_round__eviction_keeps_account_of_use__former_goes_first(world: World) -> None:
    await world.put()
    used = redis_names.used(ACME)
    await world.client.zadd(used, {f"{OLD}.e1": NOW})

    await world.reembedder().round()

    assert await world.client.zrange(used, 0, -1, withscores=True) == [
        (f"{OLD}.e1".encode(), 0.0),
        (f"{NEW}.e1".encode(), float(NOW)),
    ]


async def test_round__same_name_with_another_id__only_after_an_hour(world: World) -> None:
    await world.put()
    await world.tell("new", model_id="new@0")
    told = await world.told()
    recent = msgspec.structs.replace(told, started_at=datetime.fromtimestamp(NOW, UTC))
    await world.client.hset(redis_names.REEMBEDDING, ACME, msgspec.json.encode(recent))

    await world.reembedder().round()
    assert await world.found() is None
    world.ahead = 3_601.0
    await world.reembedder().round()

    assert (await world.told()).model_id == "new@1"


async def test_round__tenant_gone__its_progress_forgotten(world: World) -> None:
    await world.client.hset(
        redis_names.REEMBEDDING, "uid-gone", msgspec.json.encode(await world.told())
    )

    await world.reembedder().round()

    assert not await world.client.hexists(redis_names.REEMBEDDING, "uid-gone")


async def test_run__model_changed__copied_once_and_rests(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.reembedding._ROUND_SECONDS", 0.01)
    await world.put()
    task = asyncio.create_task(world.reembedder().run())
    while (await world.told()).model_id != "new@1":
        await asyncio.sleep(0.01)
    await world.client.delete(redis_names.REEMBEDDING)

    await asyncio.sleep(0.1)
    assert await world.client.exists(redis_names.REEMBEDDING) == 0
    world.changes += 1
    while not await world.client.exists(redis_names.REEMBEDDING):
        await asyncio.sleep(0.01)
    task.cancel()


async def test_run__redis_refuses__counted_and_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.reembedding._ROUND_SECONDS", 0.01)
    await world.client.set(redis_names.REEMBEDDING, "not a hash")

    task = asyncio.create_task(world.reembedder().run())
    while len(world.errors) < 2:
        await asyncio.sleep(0.01)
    task.cancel()

    assert set(world.errors) == {"reembedding"}
