"""Who asks the provider, and who waits, when questions are alike; two processes on one Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from routing.errors import ProviderError
from routing.flights import Ending, Flights
from routing.gateway.boarding import Boarded, Boarding, Passenger, failed
from routing.prices import NO_TOKENS
from routing.providers.targets import Target
from routing.store.flights import FlightStore
from routing.types import Answer, Decision, Lookup
from tests.routing.test_flights import plan, unit

TARGET = Target(provider="openai", model="gpt-5-mini", base_url="http://provider", api_key="k")
DOWN = ProviderError("Down.", status=503, code="provider_503")


@dataclass
class World:
    """Two processes, what they have stored, and how often they asked the provider."""

    processes: list[Flights]
    seconds: float = 0.05
    outcome: Ending = field(default_factory=lambda: Ending("stored"))
    stored: bool = False
    provider_calls: int = 0

    async def call(self, number: int, query: str) -> Boarded:
        """One miss, from boarding to its end."""
        flights = self.processes[number % len(self.processes)]
        passenger = Passenger(
            lookup=miss(query), target=TARGET, look_again=self._look, patience=patience
        )
        boarded = await Boarding(flights, wait_seconds=5).board(passenger)
        if boarded.lookup.answer is None:
            self.provider_calls += 1
            await asyncio.sleep(self.seconds)
            self.stored = self.stored or self.outcome.kind == "stored"
        if boarded.lease is not None:
            boarded.lease.ending = self.outcome
            await flights.end(boarded.lease)
        return boarded

    async def _look(self) -> Lookup:
        return hit() if self.stored else miss("How are you?")


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    clients = [Redis.from_url(redis_url) for _ in range(2)]
    stores = [FlightStore(fast=client, patient=client, board_seconds=2) for client in clients]
    processes = [Flights(store, on_error=lambda _stage: None) for store in stores]
    yield World(processes)
    for flights, client in zip(processes, clients, strict=True):
        await flights.close()
        await client.aclose()


def patience() -> AbstractAsyncContextManager[object]:
    return nullcontext()


def miss(query: str) -> Lookup:
    """A miss; all queries have the same vector."""
    asked = plan(query.encode().hex(), query=query, vector=unit(1.0, 0.0))
    return Lookup(decision=Decision(result="miss", layer="none", revision=1), plan=asked)


def hit() -> Lookup:
    answer = Answer(
        text="Yes.",
        layer="semantic",
        similarity=1.0,
        entry_id="p1.e1",
        age_seconds=0,
        ttl_seconds=60,
        model="gpt-5-mini",
        usage=NO_TOKENS,
        cost_nanousd=0,
    )
    return Lookup(decision=Decision(result="hit", layer="semantic", revision=1), answer=answer)


def wordings(count: int) -> list[str]:
    """One question in many wordings that no guard tells apart."""
    return [f"How are you{'?' * (number + 1)}" for number in range(count)]


async def test_board__wordings_of_one_question_at_once__one_asks(world: World) -> None:
    calls = [world.call(number, query) for number, query in enumerate(wordings(12))]

    boarded = await asyncio.gather(*calls)

    assert world.provider_calls == 1
    assert sum(item.lookup.answer is not None for item in boarded) == 11


async def test_board__nothing_is_ever_stored__nobody_waits_for_one_who_waits(world: World) -> None:
    world.outcome = Ending("gone")
    calls = [world.call(number, query) for number, query in enumerate(wordings(8) * 3)]

    async with asyncio.timeout(5):
        await asyncio.gather(*calls)

    assert world.provider_calls == 24


async def test_board__provider_stays_down__few_ask_it(world: World) -> None:
    world.outcome = failed(DOWN, target=TARGET)
    calls = [world.call(number, query) for number, query in enumerate(wordings(1) * 20)]

    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert world.provider_calls == 3
    assert sum(isinstance(outcome, ProviderError) for outcome in outcomes) == 17


async def test_board__provider_of_another_model_is_down__goes_alone(world: World) -> None:
    other = Target(provider="openai", model="other", base_url="http://provider", api_key="k")
    world.outcome = failed(DOWN, target=other)
    calls = [world.call(number, query) for number, query in enumerate(wordings(1) * 5)]

    await asyncio.gather(*calls)

    assert world.provider_calls == 5


async def test_board__question_with_other_numbers__asked_beside(world: World) -> None:
    questions = ["Is it free for 10 days?", "Is it free for 20 days?"]
    calls = [world.call(number, query) for number, query in enumerate(questions)]

    await asyncio.gather(*calls)

    assert world.provider_calls == 2
