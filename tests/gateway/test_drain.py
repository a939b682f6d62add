"""What becomes of calls, answers and events when the gateway is told to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
import redis

from tests.gateway.process import Process
from tests.gateway.serving import Gateway, Sandbox, data_dir_with_models, publish
from tests.gateway.values import configuration
from tests.redis_server import RedisServer

pytestmark = pytest.mark.model

DRAIN_SECONDS = 3
CLOSE_SECONDS = 5
SPARE_SECONDS = 3
"""For a machine that is busy with other things."""


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis", aof=True)
    server.start()
    yield server
    server.signal(signal.SIGCONT)
    server.kill()


@pytest.fixture
def process(
    own_redis: RedisServer, sandbox: Sandbox, model_cache_dir: Path, tmp_path: Path
) -> Iterator[Process]:
    (tmp_path / "data").mkdir()
    with redis.Redis.from_url(own_redis.url) as client:
        publish(client, configuration())
    process = Process(
        data_dir=data_dir_with_models(tmp_path / "data", model_cache_dir),
        redis_url=own_redis.url,
        sandbox_url=sandbox.url,
        DRAIN_SECONDS=str(DRAIN_SECONDS),
        CACHE_BUDGET_MS="2000",
        EMBEDDING_BUDGET_MS="10000",
    )
    try:
        process.start()
        yield process
    finally:
        process.kill()


@pytest.fixture
def gateway(process: Process, own_redis: RedisServer) -> Iterator[Gateway]:
    with redis.Redis.from_url(own_redis.url) as client:
        yield Gateway(process.url, client)


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as callers:
        yield callers


def test_sigterm__calls_under_way__end_well_and_their_events_are_kept(
    process: Process, gateway: Gateway, sandbox: Sandbox, callers: ThreadPoolExecutor
) -> None:
    sandbox.control(latency_ms=1000.0)
    whole = callers.submit(gateway.ask, "What is a lantern?")
    streamed = callers.submit(gateway.ask, "Who repairs umbrellas?", stream=True)
    time.sleep(0.5)

    process.signal(signal.SIGTERM)

    assert streamed.result().text.endswith("data: [DONE]\n\n")
    assert process.wait() == 0
    kept = [gateway.event(answer.result()).status for answer in (whole, streamed)]
    assert kept == [200, 200]


def test_sigterm__answer_under_way__is_stored(
    process: Process, gateway: Gateway, sandbox: Sandbox, callers: ThreadPoolExecutor
) -> None:
    sandbox.control(latency_ms=1000.0)
    answer = callers.submit(gateway.ask, "What is a lantern?")
    time.sleep(0.5)
    process.signal(signal.SIGTERM)
    assert answer.result().status_code == 200
    process.wait()

    process.start()

    assert gateway.ask("What is a lantern?").headers["x-cache-layer"] == "exact"


def test_sigterm__new_connection__refused_so_that_nobody_takes_it_for_ready(
    process: Process, gateway: Gateway, sandbox: Sandbox, callers: ThreadPoolExecutor
) -> None:
    sandbox.control(latency_ms=2000.0)
    answer = callers.submit(gateway.ask, "What is a lantern?")
    time.sleep(0.5)

    process.signal(signal.SIGTERM)
    time.sleep(0.5)

    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{process.url}/readyz")
    assert answer.result().status_code == 200


def test_sigterm__provider_hangs_and_redis_is_frozen__ends_in_time(
    process: Process,
    gateway: Gateway,
    sandbox: Sandbox,
    own_redis: RedisServer,
    callers: ThreadPoolExecutor,
) -> None:
    stored = [gateway.ask(f"Question {number}?") for number in range(3)]
    sandbox.control(hang_rate=1.0)
    hanging = callers.submit(gateway.ask, "Will this ever be answered?")
    time.sleep(0.5)
    own_redis.signal(signal.SIGSTOP)

    started = time.monotonic()
    process.signal(signal.SIGTERM)
    process.wait()

    took = time.monotonic() - started
    told = hanging.result()
    assert (told.status_code, told.json()["error"]["code"]) == (503, "stopping")
    assert {answer.status_code for answer in stored} == {200}
    assert took < DRAIN_SECONDS + CLOSE_SECONDS + SPARE_SECONDS


def test_sigterm__redis_frozen__events_wait_on_disk_for_the_next_process(
    process: Process, gateway: Gateway, own_redis: RedisServer
) -> None:
    own_redis.signal(signal.SIGSTOP)
    answers = [gateway.ask(f"Question {number}?") for number in range(3)]
    process.signal(signal.SIGTERM)
    process.wait()

    own_redis.signal(signal.SIGCONT)
    process.start()

    assert [gateway.event(answer).status for answer in answers] == [200] * 3
