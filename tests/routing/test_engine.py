"""The engine's behaviour as data (cases/engine.json), on a real Redis and the real model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import redis
from redis.asyncio import Redis

from routing.active import activate
from routing.embedding.runtime import Embedder
from routing.engine import Engine
from routing.prices import Usage
from routing.snapshot import Scope, Snapshot
from routing.store.entries import EntryStore
from routing.types import Call, Completion, Context, Lookup
from tests.routing.builders import call, document, faq, policy, snapshot, tenant

CASES = json.loads((Path(__file__).parent / "cases" / "engine.json").read_text())
CONFIGURATION = snapshot(
    tenant(
        "acme",
        policies=(
            policy(),
            policy("mine", scope=Scope.USER, priority=-1),
            policy("manual", documents=("api-manual",), priority=-1),
        ),
        documents=(document("api-manual"),),
        faqs=(faq("What is your return policy?", "Thirty days."),),
    ),
    tenant("globex"),
)
# One loop for all, so that the model is loaded once.
pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class World:
    """An engine, the configuration in force and a clock that only tests move."""

    engine: Engine
    configuration: Snapshot = CONFIGURATION
    now: float = field(default_factory=lambda: 1_900_000_000.0)
    errors: list[str] = field(default_factory=list)

    async def ask(self, asked: Call) -> Lookup:
        return await self.engine.lookup(asked, activate(self.configuration))

    def bump(self, slug: str) -> None:
        acme, globex = self.configuration.tenants
        documents = tuple(document(item.slug, item.version + 1) for item in acme.documents)
        assert slug in {item.slug for item in documents}
        raised = msgspec.structs.replace(acme, documents=documents)
        self.configuration = msgspec.structs.replace(self.configuration, tenants=(raised, globex))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedder(model_cache_dir: Path) -> AsyncIterator[Embedder]:
    loaded = Embedder("all-MiniLM-L6-v2", cache_dir=model_cache_dir, workers=1, patience_seconds=30)
    await loaded.start()
    yield loaded
    await loaded.close()


@pytest_asyncio.fixture(loop_scope="module")
async def world(redis_url: str, embedder: Embedder) -> AsyncIterator[World]:
    connection = Redis.from_url(redis_url)
    built: World = World(
        Engine(
            store=EntryStore(fast=connection, patient=connection, budget_seconds=2),
            embedder=embedder,
            on_error=lambda stage: built.errors.append(stage),
            clock=lambda: built.now,
        )
    )
    yield built
    await built.engine.close()
    await connection.aclose()


async def play(world: World, step: dict[str, Any]) -> None:
    """One step of a case: time passes, a document is bumped, or a question is asked."""
    if "wait_seconds" in step:
        world.now += step["wait_seconds"]
        return
    if "bump" in step:
        world.bump(step["bump"])
        return
    found = await world.ask(asked(step))
    check(found, step)
    if "answer" in step:
        assert found.plan is not None
        completion = Completion(
            text=step["answer"], model="gpt-5-mini", usage=Usage(input_tokens=9), cost_nanousd=1
        )
        await world.engine.store(found.plan, completion)


def asked(step: dict[str, Any]) -> Call:
    expectations = {"ask", "repeat", "then", "layer", "result", "reason", "is", "answer", "planned"}
    changes = {name: value for name, value in step.items() if name not in expectations}
    text = " ".join([step["ask"]] * step.get("repeat", 1)) + step.get("then", "")
    if "context" in changes:
        changes["context"] = Context(other=changes["context"].encode())
    if "documents" in changes:
        changes["documents"] = tuple(changes["documents"])
    return call(text, **changes)


def check(found: Lookup, step: dict[str, Any]) -> None:
    decision = found.decision
    assert step.get("layer", decision.layer) == decision.layer
    assert step.get("result", decision.result) == decision.result
    if "is" in step:
        assert found.answer is not None
        assert found.answer.text == step["is"]
    if "reason" in step:
        assert step["reason"] in {verdict.reason for verdict in decision.layers}
    if "planned" in step:
        assert (found.plan is not None) is step["planned"]


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
async def test_engine__case__as_told(world: World, case: dict[str, Any]) -> None:
    for step in case["steps"]:
        await play(world, step)

    assert world.errors == []


async def test_lookup__semantic_miss__names_the_threshold_that_flips_it(world: World) -> None:
    await play(world, {"ask": "How do I reset my password?", "answer": "Use the link."})
    question = call("How can I reset my password?", min_similarity=0.99)
    missed = await world.ask(question)

    flipped = await world.ask(
        call("How can I reset my password?", min_similarity=missed.decision.flips_at)
    )

    assert flipped.decision.layer == "semantic"


async def test_lookup__redis_gone__bypass_with_the_curated_answers_still_served(
    embedder: Embedder,
) -> None:
    errors: list[str] = []
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    engine = Engine(
        store=EntryStore(fast=nowhere, patient=nowhere, budget_seconds=0.03),
        embedder=embedder,
        on_error=errors.append,
    )

    missed = await engine.lookup(call("Where is my order?"), activate(CONFIGURATION))
    curated = await engine.lookup(call("What is your return policy?"), activate(CONFIGURATION))
    await engine.close()

    assert (missed.decision.result, curated.decision.layer, errors) == ("bypass", "faq", ["exact"])


async def test_lookup__model_breaks_in_an_unknown_way__bypass_not_an_error(
    redis_url: str,
) -> None:
    class Broken:
        model_id = "broken@1"

        async def embed(self, text: str) -> None:
            raise ArithmeticError(text)

        async def embed_many(self, texts: Sequence[str]) -> list[Any]:
            raise ArithmeticError(texts)

    errors: list[str] = []
    connection = Redis.from_url(redis_url)
    store = EntryStore(fast=connection, patient=connection, budget_seconds=2)
    engine = Engine(store=store, embedder=Broken(), on_error=errors.append)

    found = await engine.lookup(call("Where is my order?"), activate(CONFIGURATION))
    await connection.aclose()

    assert (found.decision.result, errors) == ("bypass", ["internal"])


async def test_lookup__damaged_entry__counted_but_redis_not_blamed(
    world: World, redis_client: redis.Redis
) -> None:
    await play(world, {"ask": "Where is my order?", "answer": "In the app."})
    for name in redis_client.scan_iter("reprise:t:uid-acme:*:e:*"):
        redis_client.hset(name, "e", b"\xff damaged")

    for _ in range(5):
        found = await world.ask(call("Where is my order?"))
        await asyncio.sleep(0.05)

    assert found.decision.result == "bypass"
    assert world.errors == ["exact"] * 5
    assert world.engine.cache_available
