"""No answer crosses a border: thousands of them by their keys, hundreds on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from routing.active import ActiveConfig, activate
from routing.engine import Engine
from routing.layers.place import Place, find_place
from routing.prices import NO_TOKENS
from routing.snapshot import Scope, TenantConfig
from routing.store.entries import EntryStore
from routing.types import Call, Completion, Context
from tests.routing.builders import call, document, policy, route, snapshot, tenant

SLUGS = ("acme", "globex", "acme-1")
POLICIES = ("shared", "mine", "manual")
# Names that differ only to a machine, or that would run together if keys were joined carelessly.
USERS = (
    "",
    "ana",
    "Ana",
    "\u0430na",
    "ana ",
    "ana:bob",
    "ana|bob",
    "a",
    "na",
    "\uff41na",
    "x" * 256,
)
LANGUAGES = ("en", "es")


class Border(NamedTuple):
    """Where a call comes from: all that decides whose answers it may see."""

    tenant: str
    policy: str
    user: str
    version: int
    generation: int
    system_prompt: str
    protocol: str
    model: str
    language: str


borders = st.builds(
    Border,
    tenant=st.sampled_from(SLUGS),
    policy=st.sampled_from(POLICIES),
    user=st.sampled_from(USERS) | st.text(max_size=8),
    version=st.integers(1, 3),
    generation=st.integers(1, 2),
    system_prompt=st.sampled_from(("", "Be kind.", "Be rude.")),
    protocol=st.sampled_from(("chat", "cache_api")),
    model=st.sampled_from(("gpt-5-mini", "gpt-5", "o4-mini")),
    language=st.sampled_from(LANGUAGES),
)


def tenant_behind(border: Border) -> TenantConfig:
    return tenant(
        border.tenant,
        generation=border.generation,
        policies=(
            policy("shared", uid=f"{border.tenant}-shared"),
            policy("mine", uid=f"{border.tenant}-mine", scope=Scope.USER),
            policy("manual", uid=f"{border.tenant}-manual", documents=("api-manual",)),
        ),
        documents=(document("api-manual", border.version),),
        routes=(route("gpt-5-mini", "gpt-5-mini", "small"), route("o4-mini", "o4-mini", "small")),
    )


def active_behind(border: Border) -> ActiveConfig:
    return activate(snapshot(tenant_behind(border)))


def call_from(border: Border, query: str = "What do I owe?") -> Call:
    return call(
        query,
        tenant=f"uid-{border.tenant}",
        policy=border.policy,
        user=border.user,
        protocol=border.protocol,
        model=border.model,
        language=border.language,
        context=Context(system_prompt=border.system_prompt.encode()),
    )


def place_of(border: Border) -> Place | str:
    active = active_behind(border)
    return find_place(
        call_from(border), active.tenants[f"uid-{border.tenant}"], embedding_model="minilm@1"
    )


def may_see(border: Border) -> tuple[Any, ...]:
    """Equal for two borders exactly when one may be served the other's answers."""
    group = "small" if border.model in ("gpt-5-mini", "o4-mini") else border.model
    return (
        *(border.tenant, border.policy, border.generation, border.system_prompt, border.protocol),
        *(group, border.language),
        border.user if border.policy == "mine" else None,
        border.version if border.policy == "manual" else None,
    )


@settings(max_examples=4_000, deadline=None)
@given(borders, borders)
def test_partition__two_borders__shared_only_by_those_who_may(one: Border, other: Border) -> None:
    places = place_of(one), place_of(other)

    if all(isinstance(place, Place) for place in places):
        partitions = [place.partition for place in places if isinstance(place, Place)]
        assert (partitions[0] == partitions[1]) == (may_see(one) == may_see(other))


@given(borders)
def test_place__user_scope_without_a_user__none(border: Border) -> None:
    place = place_of(border._replace(policy="mine", user=""))

    assert place == "user_missing"


class OneDirection:
    """An embedder for which all texts mean the same: only borders can keep answers apart."""

    model_id = "one-direction@1"

    async def embed(self, text: str) -> NDArray[np.float32]:
        assert text
        vector = np.zeros(8, dtype=np.float32)
        vector[0] = 1.0
        return vector

    async def embed_many(self, texts: Sequence[str]) -> list[NDArray[np.float32] | None]:
        return [await self.embed(text) for text in texts]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(borders, min_size=2, max_size=12))
def test_engine__all_ask_the_same__each_sees_its_own(
    redis_url: str, runner: asyncio.Runner, callers: list[Border]
) -> None:
    served = runner.run(ask_in_turn(redis_url, callers))

    assert all(may_see(asker) == may_see(source) for asker, source in served)


def test_engine__one_caller_asks_again__is_served(redis_url: str, runner: asyncio.Runner) -> None:
    caller = Border("acme", "mine", "ana", 1, 1, "Be kind.", "chat", "gpt-5", "en")

    assert runner.run(ask_in_turn(redis_url, [caller])) == [(caller, caller)]


async def ask_in_turn(redis_url: str, callers: list[Border]) -> list[tuple[Border, Border]]:
    """Each caller asks twice, the second time in other words; returns who was served whose."""
    connection = Redis.from_url(redis_url)
    await connection.flushall()
    engine = Engine(
        store=EntryStore(fast=connection, patient=connection, budget_seconds=2),
        embedder=OneDirection(),
        on_error=lambda stage: pytest.fail(stage),
    )
    served: list[tuple[Border, Border]] = []
    for query in ("What do I owe?", "What is it that I owe?"):
        for index, border in enumerate(callers):
            found = await engine.lookup(call_from(border, query), active_behind(border))
            if found.answer is not None:
                served.append((border, callers[int(found.answer.text)]))
            elif found.plan is not None:
                await engine.store(found.plan, completion(str(index)))
    await engine.close()
    await connection.aclose()
    return served


def completion(text: str) -> Completion:
    return Completion(text=text, model="gpt-5-mini", usage=NO_TOKENS, cost_nanousd=1)


def test_entry_moved_into_another_partition__refused(
    redis_url: str, runner: asyncio.Runner
) -> None:
    """Even if a key were forged in Redis itself, the entry says whose it is."""
    acme = Border("acme", "shared", "", 1, 1, "", "chat", "gpt-5", "en")
    globex = acme._replace(tenant="globex")
    runner.run(ask_in_turn(redis_url, [acme]))
    source, target = place_of_model(acme), place_of_model(globex)
    with BlockingRedis.from_url(redis_url) as connection:
        connection.copy(entry_key(source), entry_key(target))

    served = runner.run(ask_again(redis_url, globex))

    assert served is None


def place_of_model(border: Border) -> Place:
    active = active_behind(border)
    place = find_place(
        call_from(border), active.tenants[f"uid-{border.tenant}"], embedding_model="one-direction@1"
    )
    assert isinstance(place, Place)
    return place


def entry_key(place: Place) -> str:
    return f"reprise:t:{place.tenant}:{{{place.partition}}}:e:{place.entry_id}"


async def ask_again(redis_url: str, border: Border) -> str | None:
    connection = Redis.from_url(redis_url)
    engine = Engine(
        store=EntryStore(fast=connection, patient=connection, budget_seconds=2),
        embedder=OneDirection(),
        on_error=lambda stage: pytest.fail(stage),
    )
    found = await engine.lookup(call_from(border), active_behind(border))
    await engine.close()
    await connection.aclose()
    return found.answer.text if found.answer else None
