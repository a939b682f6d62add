"""Programs killed with SIGKILL in mid traffic, and brought back by the supervisor."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import openai
import pytest
import redis

from cache_admin.management.commands.replay import read_questions
from controlplane.serve.plan import PROJECT_ROOT
from routing import redis_names
from tests.e2e.operators import save_something
from tests.e2e.traffic import ask, miscounted, traffic, uncounted
from tests.product import Product, layer_of, wait_until

_DEMO = PROJECT_ROOT / "cache_admin" / "data" / "demo_queries.jsonl"
_LATEST = "SELECT MAX(number) FROM cache_admin_revision"


@pytest.fixture(scope="module")
def questions() -> list[str]:
    return [question.text for question in read_questions(_DEMO)]


@pytest.fixture
def product_redis(product: Product) -> Iterator[redis.Redis]:
    with redis.Redis(port=product.plan.redis.number) as client:
        yield client


@pytest.mark.parametrize(
    "programs",
    [
        ("runtime",),
        ("ingest",),
        ("worker",),
        ("console",),
        ("redis",),
        ("redis", "ingest", "runtime", "worker", "beat"),
    ],
    ids=" and ".join,
)
def test_killed__in_mid_traffic__every_answered_call_is_counted_once(
    product: Product, client: openai.OpenAI, questions: list[str], programs: tuple[str, ...]
) -> None:
    with traffic(client, questions) as app:
        app.wait_for_answers(75, seconds=20)
        killed = {program: product.kill(program) for program in programs}
        wait_until(lambda: _all_back(product, killed), seconds=20)
        app.wait_for_answers(75, seconds=40)

    wait_until(lambda: not uncounted(product, app.answered), seconds=40)
    assert miscounted(product) == []


def test_runtime_killed__right_after_a_save__has_the_latest_revision(
    product: Product, client: openai.OpenAI, demo_api: httpx2.Client
) -> None:
    save_something(demo_api)

    killed = {"runtime": product.kill("runtime")}

    wait_until(lambda: _all_back(product, killed) and _answers(client), seconds=30)
    wait_until(lambda: _revision_in_force(client) == _latest(product), seconds=5)


def test_redis_killed__right_after_a_save__has_the_latest_revision_again(
    product: Product, client: openai.OpenAI, demo_api: httpx2.Client, product_redis: redis.Redis
) -> None:
    save_something(demo_api)

    killed = {"redis": product.kill("redis")}

    wait_until(lambda: _all_back(product, killed), seconds=20)
    wait_until(lambda: _pointer(product_redis) == _latest(product), seconds=20)
    wait_until(lambda: _revision_in_force(client) == _latest(product), seconds=5)


def test_redis_killed__answers_kept_before__are_still_there(
    product: Product, client: openai.OpenAI, questions: list[str], product_redis: redis.Redis
) -> None:
    for question in questions[:50]:
        layer_of(client, question)
    wait_until(lambda: layer_of(client, questions[0]) == "exact", seconds=10)
    kept = _entries(product_redis)

    killed = {"redis": product.kill("redis")}

    wait_until(lambda: _all_back(product, killed), seconds=20)
    wait_until(lambda: layer_of(client, questions[0]) == "exact", seconds=10)
    assert len(kept) >= 30
    assert kept - _entries(product_redis) == set()


def test_worker_killed__pointer_lost__brought_back(
    product: Product, product_redis: redis.Redis
) -> None:
    killed = {"worker": product.kill("worker")}
    product_redis.delete(redis_names.SNAPSHOT_POINTER)

    wait_until(lambda: _all_back(product, killed), seconds=20)
    wait_until(lambda: _pointer(product_redis) == _latest(product), seconds=30)


def _entries(client: redis.Redis) -> set[bytes]:
    return set(client.scan_iter(match=redis_names.entry("*", "*", "*"), count=1000))


def _latest(product: Product) -> int:
    [(number,)] = product.rows(_LATEST)
    return int(number)


def _pointer(client: redis.Redis) -> int:
    try:
        pointer = client.get(redis_names.SNAPSHOT_POINTER)
    except redis.RedisError:
        return 0
    return int(pointer.partition(b":")[0]) if isinstance(pointer, bytes) else 0


def _revision_in_force(client: openai.OpenAI) -> int:
    return int(ask(client, "How do I reset my password?").headers["x-snapshot-revision"])


def _answers(client: openai.OpenAI) -> bool:
    try:
        ask(client, "How do I reset my password?")
    except openai.APIConnectionError:
        return False
    return True


def _all_back(product: Product, killed: dict[str, int]) -> bool:
    pids = product.pids()
    return all(pids.get(program, pid) != pid for program, pid in killed.items())
