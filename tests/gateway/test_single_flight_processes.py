"""Identical misses over two processes, of which one dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import redis

from tests.gateway.pairs import chat_request
from tests.gateway.process import Process
from tests.gateway.serving import Sandbox, data_dir_with_models, publish
from tests.gateway.values import configuration
from tests.redis_server import RedisServer
from tests.routing.builders import ACME_KEY

pytestmark = pytest.mark.model

FOLLOWERS = 20


@pytest.fixture
def processes(
    gateway_redis: RedisServer,
    sandbox: Sandbox,
    model_cache_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[list[Process]]:
    """Two runtimes in front of one sandbox, patient with a Redis that shares its machine."""
    monkeypatch.setenv("CACHE_BUDGET_MS", "2000")
    with redis.Redis.from_url(gateway_redis.url) as client:
        publish(client, configuration())
    started = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        started.append(
            Process(
                data_dir=data_dir_with_models(tmp_path / name, model_cache_dir),
                redis_url=gateway_redis.url,
                sandbox_url=sandbox.url,
            )
        )
    try:
        for process in started:
            process.start()
        yield started
    finally:
        for process in started:
            process.kill()


def test_misses__holder_killed__answered_with_two_provider_calls_at_most(
    processes: list[Process], sandbox: Sandbox
) -> None:
    sandbox.control(latency_ms=1_000)
    before = sandbox.meter()["total"]["calls"]

    answered = asyncio.run(_kill_the_first(*processes))

    assert [response.status_code for response in answered] == [200] * FOLLOWERS
    assert sandbox.meter()["total"]["calls"] - before <= 2


async def _kill_the_first(holder: Process, other: Process) -> list[httpx2.Response]:
    """The answers to calls that came to `other` while `holder`, now dead, asked the provider."""
    async with httpx2.AsyncClient(timeout=30) as client:
        first = asyncio.create_task(_ask(client, holder))
        await asyncio.sleep(0.4)
        followers = [asyncio.create_task(_ask(client, other)) for _ in range(FOLLOWERS)]
        await asyncio.sleep(0.2)
        holder.signal(signal.SIGKILL)
        with pytest.raises(httpx2.HTTPError):
            await first
        return await asyncio.gather(*followers)


async def _ask(client: httpx2.AsyncClient, process: Process) -> httpx2.Response:
    return await client.post(
        f"{process.url}/v1/chat/completions",
        json=chat_request("Who is killed in the middle?"),
        headers={"authorization": f"Bearer {ACME_KEY}"},
    )
