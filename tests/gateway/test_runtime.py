from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from routing.config import RuntimeConfig
from routing.embedding.artefact import find_prepared
from routing.gateway.health import Health
from routing.gateway.runtime import Runtime
from routing.telemetry import metrics

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    runtime = Runtime(RuntimeConfig(redis_url=NOWHERE, data_dir=tmp_path))
    yield runtime
    await runtime.close()


async def until(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def counted(stage: str) -> float:
    line = f'reprise_cache_errors_total{{stage="{stage}"}} '
    found = [text for text in metrics.render().decode().splitlines() if text.startswith(line)]
    return float(found[0].removeprefix(line)) if found else 0.0


def model_with(broken: str, *, prepared: Path, models: Path) -> Path:
    """The prepared model with one file of it torn; returns that file."""
    shutil.copytree(prepared, models / prepared.name)
    torn = models / prepared.name / broken
    torn.write_bytes(b"torn")
    return torn


@pytest.mark.model
@pytest.mark.parametrize("broken", ["model.onnx", "tokenizer.json", "meta.json"])
async def test_start__model_torn_and_mended__says_why_and_gets_ready(
    runtime: Runtime, model_cache_dir: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr("routing.embedding.pool._FIRST_RETRY_SECONDS", 0.1)
    models = runtime.config.data_dir / "models"
    prepared = find_prepared(runtime.config.embedding_model, cache_dir=model_cache_dir)
    assert prepared is not None
    torn = model_with(broken, prepared=prepared, models=models)
    await runtime.start()
    await until(lambda: str(models) in Health(runtime).reasons()[0])

    torn.write_bytes((prepared / broken).read_bytes())

    await until(lambda: runtime.embedders.default_error() is None)


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
