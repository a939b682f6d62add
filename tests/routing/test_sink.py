from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from routing import redis_names
from routing.config import RuntimeConfig
from routing.telemetry import metrics
from routing.telemetry.events import Event, decode_batch
from routing.telemetry.sink import EventSink
from tests.redis_server import RedisServer
from tests.routing.events import event

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "redis://127.0.0.1:1/0"


def config(data_dir: Path, redis_url: str, **changes: int) -> RuntimeConfig:
    limits: dict[str, Any] = {"spool_max_bytes": 10_000_000} | changes
    return RuntimeConfig(redis_url=redis_url, data_dir=data_dir, **limits)


async def started(settings: RuntimeConfig) -> EventSink:
    sink = EventSink(settings)
    await sink.start()
    return sink


def batches(client: redis.Redis) -> list[list[Event]]:
    entries: Any = client.xrange(redis_names.EVENT_STREAM)
    return [decode_batch(fields[b"batch"]) for _, fields in entries]


def streamed(client: redis.Redis) -> list[Event]:
    return [item for batch in batches(client) for item in batch]


def streamed_ids(client: redis.Redis) -> set[str]:
    try:
        return {item.id for item in streamed(client)}
    except redis.RedisError:
        return set()


def dropped() -> float:
    [line] = [
        line
        for line in metrics.render().decode().splitlines()
        if line.startswith("reprise_events_dropped_total ")
    ]
    return float(line.split()[1])


async def until(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_record__redis_there__shipped_unchanged(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    sink = await started(config(tmp_path, redis_url))
    events = [event(user="owner"), event(user="viewer")]

    for item in events:
        sink.record(item)
    await until(lambda: bool(redis_client.xlen(redis_names.EVENT_STREAM)))

    assert streamed(redis_client) == events
    await sink.close()


async def test_record__many__batches_of_two_hundred(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    sink = await started(config(tmp_path, redis_url))

    for _ in range(1000):
        sink.record(event())
    await sink.close()

    assert [len(batch) for batch in batches(redis_client)] == [200] * 5


async def test_record__before_the_interval_ends__on_disk_already(tmp_path: Path) -> None:
    sink = await started(config(tmp_path, NOWHERE))

    sink.record(event())

    [segment] = tmp_path.glob("spool/*/*.seg")
    assert segment.stat().st_size > 0
    await sink.close()


async def test_record__redis_away__waits_and_is_shipped_when_it_returns(
    tmp_path: Path,
) -> None:
    server = RedisServer(tmp_path)
    sink = await started(config(tmp_path, server.url))
    events = [event(user=str(number)) for number in range(450)]
    for item in events:
        sink.record(item)
    assert sink.spooled == 450

    server.start()
    with redis.Redis.from_url(server.url) as client:
        await until(lambda: len(streamed_ids(client)) == 450)
        assert streamed(client) == events
    assert sink.spooled == 0
    await sink.close()
    server.kill()


async def test_record__spool_full__dropped_and_counted(tmp_path: Path) -> None:
    sink = await started(config(tmp_path, NOWHERE, spool_max_bytes=500))
    before = dropped()

    for _ in range(100):
        sink.record(event())

    assert sink.spooled + dropped() - before == 100
    assert 0 < sink.spooled < 10
    await sink.close()


async def test_record__text_that_is_not_unicode__dropped_without_raising(
    tmp_path: Path,
) -> None:
    sink = await started(config(tmp_path, NOWHERE))
    before = dropped()

    sink.record(event(user="\ud800"))

    assert dropped() - before == 1
    await sink.close()


async def test_record__no_place_on_disk__kept_in_memory_and_shipped(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    (tmp_path / "spool").write_text("a file where the directory should be")
    sink = await started(config(tmp_path, redis_url))
    kept = event()

    sink.record(kept)
    await sink.close()

    assert streamed(redis_client) == [kept]


async def test_close__redis_away__left_on_disk_for_the_next_start(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    away = await started(config(tmp_path, NOWHERE))
    left = event()
    away.record(left)
    await away.close()

    back = await started(config(tmp_path, redis_url))
    await until(lambda: bool(redis_client.xlen(redis_names.EVENT_STREAM)))

    assert streamed(redis_client) == [left]
    await back.close()


@pytest.mark.parametrize("steps", range(5))
async def test_close__just_as_a_segment_fills__ends(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, steps: int
) -> None:
    sink = await started(config(tmp_path, redis_url))
    await asyncio.sleep(0.02)
    for _ in range(200):
        sink.record(event())
    for _ in range(steps):
        await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await sink.close()

    assert len(streamed_ids(redis_client)) == 200


async def test_shipped__redis_remembers__file_deleted_after_a_while(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    sink = await started(config(tmp_path, redis_url))
    sink.record(event())

    await until(lambda: not list(tmp_path.glob("spool/*/*.seg")))

    assert len(streamed(redis_client)) == 1
    await sink.close()


async def test_shipped__redis_killed_and_empty_again__shipped_again(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    sink = await started(config(tmp_path, server.url))
    lost = event()
    sink.record(lost)
    await until(lambda: sink.spooled == 0)

    server.kill()
    server.start()

    with redis.Redis.from_url(server.url) as client:
        await until(lambda: streamed_ids(client) == {lost.id})
    await sink.close()
    server.kill()


async def test_record__stream_full__waits_on_disk_and_says_so(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    for _ in range(3):
        redis_client.xadd(redis_names.EVENT_STREAM, {"batch": b"\x90"})
    sink = await started(config(tmp_path, redis_url, event_stream_max_entries=3))

    sink.record(event())
    await until(lambda: sink.error is not None)
    await asyncio.sleep(0.3)

    assert (redis_client.xlen(redis_names.EVENT_STREAM), sink.spooled) == (3, 1)
    await sink.close()


async def test_record__stream_consumed_again__shipped(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    for _ in range(3):
        redis_client.xadd(redis_names.EVENT_STREAM, {"batch": b"\x90"})
    sink = await started(config(tmp_path, redis_url, event_stream_max_entries=3))
    waiting = event()
    sink.record(waiting)
    await until(lambda: sink.error is not None)

    redis_client.delete(redis_names.EVENT_STREAM)

    await until(lambda: streamed(redis_client) == [waiting])
    assert sink.error is None
    await sink.close()


async def test_record__stream_fills__never_more_than_its_limit(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    sink = await started(config(tmp_path, redis_url, event_stream_max_entries=3))

    for _ in range(1000):
        sink.record(event())
    await until(lambda: sink.error is not None)

    assert (redis_client.xlen(redis_names.EVENT_STREAM), sink.spooled) == (3, 400)
    await sink.close()


async def test_shipped__in_a_backlog__settled_on_the_way(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = await started(config(tmp_path, NOWHERE))
    for _ in range(2000):
        away.record(event())
    await away.close()
    monkeypatch.setattr("routing.telemetry.sink.RETAIN_SECONDS", 0)
    sink = EventSink(config(tmp_path, redis_url))

    await sink._open_spool()
    await sink._ship_waiting()

    assert len(list(tmp_path.glob("spool/*/*.seg"))) == 0
    await sink.close()


async def test_ship__segment_unreadable__kept_aside_and_the_next_shipped(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    sink = await started(config(tmp_path, server.url))
    for _ in range(200):
        sink.record(event())
    [segment] = tmp_path.glob("spool/*/*.seg")
    segment.unlink()
    segment.mkdir()
    whole = event()
    sink.record(whole)

    server.start()
    with redis.Redis.from_url(server.url) as client:
        await until(lambda: streamed_ids(client) == {whole.id})

    assert len(list(tmp_path.glob("spool/*.bad"))) == 1
    await sink.close()
    server.kill()


@pytest.mark.parametrize("redis_is", ["there", "away"])
async def test_process_killed__while_recording__every_recorded_event_arrives(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, redis_is: str
) -> None:
    url = redis_url if redis_is == "there" else NOWHERE
    program = "tests.routing.programs.record_events"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", program, str(tmp_path), url, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert writer.stdout is not None
    recorded = [(await writer.stdout.readline()).decode().strip() for _ in range(1500)]
    writer.send_signal(signal.SIGKILL)
    recorded += (await writer.stdout.read()).decode().split("\n")[:-1]
    await writer.wait()

    heir = await started(config(tmp_path, redis_url))
    await until(lambda: heir.spooled == 0)
    await heir.close()

    assert len(recorded) >= 1500
    assert set(recorded) <= streamed_ids(redis_client)


async def test_record__steady_traffic__costs_microseconds(tmp_path: Path) -> None:
    sink = await started(config(tmp_path, NOWHERE))
    item = event()

    seconds = min(timeit.repeat(lambda: sink.record(item), number=200, repeat=5))

    assert seconds / 200 < 200e-6
    await sink.close()
