"""Redis frozen, which answers nothing, and Redis killed, which refuses connections."""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from uuid import UUID

import httpx2
import openai
import pytest

from tests.e2e.operators import save_something
from tests.e2e.traffic import ask, miscounted, uncounted
from tests.product import Product, layer_of, wait_until

_KNOWN = "How do I polish a lantern?"
_CALLS = 30
_AT_FIRST = 5
"""Calls that still ask a Redis that has just frozen."""

_fresh_numbers = itertools.count()

Away = Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["frozen", "killed"])
def redis_away(product: Product, request: pytest.FixtureRequest) -> Away:
    """Takes Redis away for as long as the block lasts."""
    if request.param == "frozen":
        return lambda: product.frozen("redis")
    return lambda: product.kept_down("redis")


@pytest.fixture(autouse=True)
def _cache_works_before_and_after(client: openai.OpenAI) -> Iterator[None]:
    wait_until(lambda: layer_of(client, _KNOWN) == "exact", seconds=20)
    yield
    wait_until(lambda: layer_of(client, _KNOWN) == "exact", seconds=20)


def test_redis_away__curated_question__served_as_ever(
    client: openai.OpenAI, redis_away: Away
) -> None:
    with redis_away():
        assert layer_of(client, "How do I reset my password?") == "faq"


@pytest.mark.parametrize("latency_ms", [0, 20, 50])
def test_redis_away__chat__answered_in_little_more_than_the_providers_time(
    product: Product,
    client: openai.OpenAI,
    redis_away: Away,
    latency_ms: int,
    request: pytest.FixtureRequest,
) -> None:
    product.set_sandbox(latency_ms=latency_ms)
    with redis_away():
        added = _added_ms(product, client)
    product.set_sandbox(latency_ms=0)

    at_first, later = statistics.median(added[:_AT_FIRST]), statistics.median(added[_AT_FIRST:])
    p95 = statistics.quantiles(added, n=20)[-1]
    sys.stdout.write(
        f"{request.node.callspec.id}: added median {at_first:.1f} ms at first,"
        f" {later:.1f} ms later; p95 of all {p95:.1f} ms\n"
    )
    assert max(at_first, later) < 150


def test_redis_away__calls_answered_meanwhile__are_counted_afterwards(
    product: Product, client: openai.OpenAI, redis_away: Away
) -> None:
    with redis_away():
        replies = [ask(client, _fresh_question()) for _ in range(20)]

    answered = {UUID(reply.headers["x-response-id"]) for reply in replies}
    wait_until(lambda: not uncounted(product, answered), seconds=20)
    assert miscounted(product) == []


def test_redis_away__saved_meanwhile__in_force_afterwards(
    product: Product, client: openai.OpenAI, demo_api: httpx2.Client, redis_away: Away
) -> None:
    with redis_away():
        saved = save_something(demo_api)

    wait_until(lambda: int(ask(client, _KNOWN).headers["x-snapshot-revision"]) >= saved, seconds=20)


def test_redis_thawed__known_question__comes_from_cache_within_two_seconds(
    product: Product, client: openai.OpenAI
) -> None:
    with product.frozen("redis"):
        away = [layer_of(client, _KNOWN) for _ in range(5)]

    wait_until(lambda: layer_of(client, _KNOWN) == "exact", seconds=2)
    assert set(away) == {"none"}


def _added_ms(product: Product, client: openai.OpenAI) -> list[float]:
    """How much longer calls take through the gateway than straight to the provider."""
    with openai.OpenAI(base_url=product.plan.sandbox_url, api_key="any", max_retries=0) as direct:
        ask(direct, _fresh_question())
        return [_milliseconds(client) - _milliseconds(direct) for _ in range(_CALLS)]


def _milliseconds(client: openai.OpenAI) -> float:
    question = _fresh_question()
    started = time.perf_counter()
    ask(client, question)
    return (time.perf_counter() - started) * 1000


def _fresh_question() -> str:
    return f"Do you repair lamp number {next(_fresh_numbers)}?"
