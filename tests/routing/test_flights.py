"""Flights of two processes, each a `Flights` of its own on one Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest
import redis
from redis.asyncio import Redis

from routing import redis_names
from routing.flights import Ending, Flight, Flights, Lease
from routing.snapshot import StoreRule
from routing.store.entries import EntryStore
from routing.store.flights import Failure, FlightName, FlightStore
from routing.types import StorePlan
from tests.routing.builders import entry

ACME = "uid-acme"
NAME = FlightName(ACME, "p1", "e1")
FAILURE = Failure(target="openai", status=503, code="provider_503", message="Down.", body=b"{}")


@dataclass
class Process:
    """One runtime process, as far as flights go."""

    flights: Flights
    errors: list[str] = field(default_factory=list)

    async def lead(self, asked: StorePlan, **options: Any) -> Lease:
        joined = await self.flights.join(asked, **options)
        assert isinstance(joined, Lease)
        return joined

    async def follow(self, asked: StorePlan, **options: Any) -> Flight:
        joined = await self.flights.join(asked, **options)
        assert isinstance(joined, Flight)
        return joined

    async def wait(self, asked: StorePlan, *, seconds: float = 5.0) -> Ending | None:
        return await (await self.follow(asked)).wait(until=soon(seconds))


@pytest.fixture
async def processes(redis_url: str) -> AsyncIterator[tuple[Process, Process]]:
    clients = [Redis.from_url(redis_url), Redis.from_url(redis_url)]
    made = (process(clients[0]), process(clients[1]))
    yield made
    for one, client in zip(made, clients, strict=True):
        await one.flights.close()
        await client.aclose()


def process(client: Redis) -> Process:
    errors: list[str] = []
    store = FlightStore(fast=client, patient=client, board_seconds=2)
    return Process(Flights(store, on_error=errors.append), errors)


def plan(entry_id: str = "e1", **changes: Any) -> StorePlan:
    values: dict[str, Any] = {
        "tenant": ACME,
        "partition": "p1",
        "entry_id": entry_id,
        "policy": "policy-default",
        "query": f"What is {entry_id}?",
        "vector": unit(1.0, 0.0),
        "ttl_seconds": 60,
        "documents": {},
        "tags": (),
        "user": "",
        "revision": 1,
        "rules": StoreRule(),
        "min_similarity": 0.79,
    }
    return StorePlan(**(values | changes))


def unit(*values: float) -> bytes:
    vector = np.array(values, dtype=np.float32)
    return bytes(np.asarray(vector / np.linalg.norm(vector), dtype=np.float32).tobytes())


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def storing(*, stored: bool) -> Callable[[], Awaitable[bool]]:
    async def store() -> bool:
        return stored

    return store


async def ended(flights: Flights, lease: Lease, ending: Ending) -> None:
    lease.ending = ending
    await flights.end(lease)


async def test_join__two_processes__one_leads(processes: tuple[Process, Process]) -> None:
    here, there = processes

    joined = await asyncio.gather(here.flights.join(plan()), there.flights.join(plan()))

    assert sorted(type(one).__name__ for one in joined) == ["Flight", "Lease"]


async def test_join__hundred_calls_of_one_process__one_leads(
    processes: tuple[Process, Process],
) -> None:
    here, _ = processes

    joined = await asyncio.gather(*(here.flights.join(plan()) for _ in range(100)))

    assert sum(isinstance(one, Lease) for one in joined) == 1
    assert len({id(one) for one in joined if isinstance(one, Flight)}) == 1


@pytest.mark.parametrize(
    "ending",
    [Ending("stored"), Ending("not_stored"), Ending("failed", failure=FAILURE), Ending("gone")],
    ids=lambda ending: ending.kind,
)
async def test_end__followers_here_and_there__told_how(
    processes: tuple[Process, Process], ending: Ending
) -> None:
    here, there = processes
    lease = await here.lead(plan())
    waiting = asyncio.gather(here.wait(plan()), there.wait(plan()))
    await asyncio.sleep(0.05)

    await ended(here.flights, lease, ending)

    for told in await waiting:
        assert told is not None
        assert (told.kind, told.failure) == (ending.kind, ending.failure)


async def test_land__stored__followers_told_after_the_store(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    lease = await here.lead(plan())
    waiting = asyncio.create_task(there.wait(plan()))

    await here.flights.land(lease, storing(stored=True))

    told = await waiting
    assert told is not None
    assert told.kind == "stored"


async def test_land__store_refused__followers_go_alone(processes: tuple[Process, Process]) -> None:
    here, there = processes
    lease = await here.lead(plan())

    await here.flights.land(lease, storing(stored=False))

    told = await there.wait(plan())
    assert told is not None
    assert told.kind == "not_stored"


async def test_land__redis_takes_long_to_store__own_followers_go_alone(
    processes: tuple[Process, Process],
) -> None:
    here, _ = processes
    lease = await here.lead(plan())
    waiting = asyncio.create_task(here.wait(plan()))
    stores: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    landing = asyncio.create_task(here.flights.land(lease, lambda: stores))

    told = await waiting

    stores.set_result(True)
    await landing
    assert told == Ending("unavailable")


async def test_wait__over_the_bound__nothing_told(processes: tuple[Process, Process]) -> None:
    here, there = processes
    await here.lead(plan())

    assert await there.wait(plan(), seconds=0.1) is None


async def test_join__ended_flight_seen__lease_is_free(processes: tuple[Process, Process]) -> None:
    here, there = processes
    lease = await here.lead(plan())
    await ended(here.flights, lease, Ending("failed", failure=FAILURE))
    found = await there.follow(plan())

    taken = await asyncio.gather(
        *(one.flights.join(plan(), seen=found.token) for one in (here, there))
    )

    assert sum(isinstance(one, Lease) for one in taken) == 1


async def test_join__holder_never_heard_of_again__lease_expires(
    processes: tuple[Process, Process], redis_client: redis.Redis
) -> None:
    here, there = processes
    await here.lead(plan())
    await here.flights.close()  # It renews no longer.
    redis_client.pexpire(redis_names.lease(*NAME), 200)

    told = await there.wait(plan())

    assert told is not None
    assert told.kind == "gone"
    assert isinstance(await there.flights.join(plan()), Lease)


async def test_join__holder_waits_for_the_provider__lease_is_renewed(
    processes: tuple[Process, Process], redis_client: redis.Redis
) -> None:
    here, there = processes
    await here.lead(plan())
    redis_client.pexpire(redis_names.lease(*NAME), 1_500)

    assert await there.wait(plan(), seconds=2.0) is None


async def test_awaited__follower_in_another_process__known_after_a_renewal(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    lease = await here.lead(plan())
    assert not lease.awaited

    await there.wait(plan(), seconds=1.3)

    assert lease.awaited


async def test_end__lease_taken_over_meanwhile__new_holder_keeps_it(
    processes: tuple[Process, Process], redis_client: redis.Redis
) -> None:
    here, there = processes
    paused = await here.lead(plan())
    redis_client.delete(redis_names.lease(*NAME))
    newer = await there.lead(plan())

    await ended(here.flights, paused, Ending("stored"))

    assert redis_client.hget(redis_names.lease(*NAME), "token") == newer.flight.token.encode()


@pytest.mark.parametrize(("created_later", "stored"), [(1, False), (-1, True)])
async def test_land__lease_lost__stores_unless_someone_has_since(
    processes: tuple[Process, Process], redis_url: str, *, created_later: int, stored: bool
) -> None:
    here, _ = processes
    lease = await here.lead(plan())
    lease.valid_until = 0.0
    client = Redis.from_url(redis_url)
    store = EntryStore(fast=client, patient=client, budget_seconds=2)
    times = {"created": lease.since + created_later, "expires": lease.since + 60}
    kept = msgspec.structs.replace(entry(), entry_id="e1", **times)
    await store.put(kept, vector=None, rests_on={}, asked_at=0)
    await client.aclose()
    ran = []

    async def note() -> bool:
        ran.append(True)
        return True

    await here.flights.land(lease, note)

    assert bool(ran) is stored


async def test_join__similar_question_in_flight__told_with_its_cosine(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    first = await here.lead(plan("e1", vector=unit(4.0, 3.0)))

    second = await there.lead(plan("e2", vector=unit(1.0, 0.0)))

    [near] = second.near
    assert (near.name, near.token, near.query) == (NAME, first.flight.token, "What is e1?")
    assert near.similarity == pytest.approx(0.8, abs=1e-6)


async def test_join__question_below_the_threshold_in_flight__not_told(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    await here.lead(plan("e1", vector=unit(3.0, 4.0)))

    assert (await there.lead(plan("e2", vector=unit(1.0, 0.0)))).near == ()


async def test_join__several_similar_questions_in_flight__first_come_first(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    for entry_id in ("e3", "e1", "e2"):
        await here.lead(plan(entry_id))

    last = await there.lead(plan("e4"))

    assert [near.name.entry_id for near in last.near] == ["e3", "e1", "e2"]


async def test_join__similar_question_has_landed__not_told(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    await here.flights.land(await here.lead(plan("e1")), storing(stored=True))

    assert (await there.lead(plan("e2"))).near == ()


async def test_join__holder_of_similar_question_died__forgotten(
    processes: tuple[Process, Process], redis_client: redis.Redis
) -> None:
    here, there = processes
    await here.lead(plan("e1"))
    redis_client.delete(redis_names.lease(*NAME))

    second = await there.lead(plan("e2"))

    questions: Any = redis_client.execute_command(  # type: ignore[no-untyped-call]
        "VCARD", redis_names.flights(ACME, "p1")
    )
    assert (second.near, questions) == ((), 1)


async def test_join__other_partition__nothing_in_common(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    await here.lead(plan())

    assert (await there.lead(plan(partition="p2"))).near == ()


async def test_join__follower_cancelled__the_others_still_wait(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    lease = await here.lead(plan())
    leaving, staying = (asyncio.create_task(there.wait(plan())) for _ in range(2))
    await asyncio.sleep(0.05)
    leaving.cancel()

    await here.flights.land(lease, storing(stored=True))

    told = await staying
    assert told is not None
    assert told.kind == "stored"


async def test_join__redis_away__calls_of_one_process_still_share() -> None:
    client = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    here = process(client)

    first, second = await asyncio.gather(*(here.flights.join(plan()) for _ in range(2)))
    assert isinstance(first, Lease)
    await here.flights.land(first, storing(stored=False))

    assert isinstance(second, Flight)
    assert second.ending == Ending("not_stored", token=second.token)
    assert set(here.errors) == {"flight"}
    await here.flights.close()
    await client.aclose()


async def test_poll__redis_goes_away__followers_go_on(
    processes: tuple[Process, Process], redis_client: redis.Redis
) -> None:
    here, there = processes
    await here.lead(plan())
    waiting = asyncio.create_task(there.wait(plan()))
    await asyncio.sleep(0.1)

    # A key of another type is what an unreadable lease looks like.
    redis_client.delete(redis_names.lease(*NAME))
    redis_client.set(redis_names.lease(*NAME), "damaged")

    told = await waiting
    assert told is not None
    assert told.kind == "unavailable"


async def test_end__nothing_left_in_redis_after_a_while(
    processes: tuple[Process, Process], redis_client: redis.Redis
) -> None:
    here, _ = processes
    await here.flights.land(await here.lead(plan()), storing(stored=True))

    keys: Any = redis_client.keys("*")
    assert all(redis_client.pttl(key) > 0 for key in keys)
