"""The gateway as the process that operators run, and what happens when parts of it go away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from routing.redis_check import require_vector_sets
from tests.gateway.process import Process
from tests.gateway.serving import (
    Gateway,
    Sandbox,
    data_dir_with_models,
    event_of,
    publish,
    wait_until,
)
from tests.gateway.values import configuration
from tests.redis_server import RedisServer

pytestmark = pytest.mark.model


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis", aof=True)
    server.start()
    yield server
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


def test_sigterm__call_under_way__answered_before_the_process_ends(
    process: Process, gateway: Gateway, sandbox: Sandbox
) -> None:
    sandbox.control(latency_ms=1500.0)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(gateway.ask, "Will this be answered?")
        wait_until(lambda: answer.running())
        time.sleep(0.5)

        process.signal(signal.SIGTERM)

        assert answer.result().status_code == 200
    assert process.wait() == 0
    assert gateway.event(answer.result()).status == 200


def test_kill__after_an_answer__its_event_is_shipped_by_the_next_process(
    process: Process, gateway: Gateway
) -> None:
    answers = [gateway.ask(f"Question {number}?", stream=number % 2 == 0) for number in range(8)]
    process.kill()

    process.start()

    shipped = [event_of(gateway.redis, answer.headers["x-response-id"]) for answer in answers]
    assert [event.status for event in shipped] == [200] * 8


def test_redis_gone__calls__answered_by_provider_and_faq(
    process: Process, gateway: Gateway, own_redis: RedisServer
) -> None:
    gateway.ask("Warm the connections.")

    own_redis.kill()

    answers = [gateway.ask("Is anybody there?") for _ in range(5)]
    told = "reprise; fwd=bypass; detail=cache_unavailable"
    assert [answer.headers["cache-status"] for answer in answers] == [told] * 5
    assert gateway.ask("When are you open?").headers["x-cache-layer"] == "faq"


def test_redis_gone__store__503_instead_of_a_promise(
    process: Process, gateway: Gateway, own_redis: RedisServer
) -> None:
    own_redis.kill()
    for _ in range(4):
        gateway.ask("Is anybody there?")

    response = gateway.post("/v1/cache/store", {"query": "Q?", "answer": "A."})

    assert (response.status_code, response.json()["error"]["code"]) == (503, "cache_unavailable")


def test_redis_back__calls__cached_again_and_no_event_lost(
    process: Process, gateway: Gateway, own_redis: RedisServer
) -> None:
    own_redis.kill()
    away = [gateway.ask("Is anybody there?") for _ in range(5)]

    own_redis.start()

    wait_until(lambda: gateway.ask("Back again?").headers["x-cache-layer"] == "exact")
    assert [gateway.event(answer).status for answer in away] == [200] * 5


def test_restart__redis_gone__last_configuration_in_force(
    process: Process, gateway: Gateway, own_redis: RedisServer
) -> None:
    process.kill()
    own_redis.kill()

    process.start()

    assert gateway.ask("When are you open?").headers["x-cache-layer"] == "faq"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"authorization": "Bearer no"}, 403),
        ({"authorization": "Bearer metrics-secret"}, 200),
    ],
)
def test_metrics__token_set__needed_even_on_this_machine(
    process: Process, headers: dict[str, Any], status: int
) -> None:
    assert httpx2.get(f"{process.url}/metrics", headers=headers).status_code == status


def test_start__redis_without_vector_sets__refused_naming_the_version(tmp_path: Path) -> None:
    with redis_of_old() as url:
        ended = subprocess.run(
            [sys.executable, "-m", "routing"],
            env=os.environ | {"REDIS_URL": url, "DATA_DIR": str(tmp_path)},
            capture_output=True,
            timeout=60,
        )

    assert ended.returncode == 1
    needed = "Redis >= 8.0 with vector sets is required, 127.0.0.1 runs 7.0.15"
    assert needed in ended.stderr.decode()


def test_start__redis_with_vector_sets__accepted(own_redis: RedisServer) -> None:
    require_vector_sets(own_redis.url)


@contextmanager
def redis_of_old() -> Iterator[str]:
    """What Redis 7.0.15 says when asked what it can do; that release cannot be installed here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=speak_as_redis_7, args=(server,), daemon=True).start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def speak_as_redis_7(server: socket.socket) -> None:
    info = b"# Server\r\nredis_version:7.0.15\r\n"
    answers = {
        b"INFO": b"$%d\r\n%s\r\n" % (len(info), info),
        b"VCARD": b"-ERR unknown command 'VCARD', with args beginning with: 'reprise:none'\r\n",
    }
    connection, _ = server.accept()
    with connection:
        while asked := connection.recv(4096):
            for command in asked.split(b"*")[1:]:
                name = command.split(b"\r\n")[2]
                connection.sendall(answers.get(name, b"+OK\r\n"))
