from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing.config import RuntimeConfig
from routing.gateway.runtime import Runtime
from routing.telemetry import metrics

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    runtime = Runtime(RuntimeConfig(redis_url=NOWHERE, data_dir=tmp_path))
    yield runtime
    await runtime.close()


def counted(stage: str) -> float:
    line = f'reprise_cache_errors_total{{stage="{stage}"}} '
    found = [text for text in metrics.render().decode().splitlines() if text.startswith(line)]
    return float(found[0].removeprefix(line)) if found else 0.0


async def test_spawn_store__more_than_may_wait__the_rest_dropped_and_counted(
    runtime: Runtime,
) -> None:
    gate, before, stored = asyncio.Event(), counted("store_queue"), []

    async def store(number: int) -> None:
        await gate.wait()
        stored.append(number)

    for number in range(300):
        runtime.spawn_store(store(number))
    gate.set()
    await asyncio.sleep(0.1)

    assert (len(stored), counted("store_queue") - before) == (256, 44)


async def test_spawn_store__earlier_ones_done__room_again(runtime: Runtime) -> None:
    stored = []

    async def store(number: int) -> None:
        stored.append(number)

    for number in range(600):
        runtime.spawn_store(store(number))
        if number % 200 == 199:
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    assert len(stored) == 600


async def test_spawn_store__many_at_once__fewer_than_there_are_connections(
    runtime: Runtime,
) -> None:
    running, most = 0, 0

    async def store() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    for _ in range(250):
        runtime.spawn_store(store())
    await asyncio.sleep(0.3)

    assert (running, most) == (0, 32)
