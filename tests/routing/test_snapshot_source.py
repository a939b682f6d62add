from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import redis

from routing import redis_names
from routing.config import RuntimeConfig
from routing.snapshot import (
    Acknowledgement,
    Heartbeat,
    Snapshot,
    encode_snapshot,
    snapshot_digest,
)
from routing.snapshot_source import SnapshotSource, Vitals
from routing.telemetry import metrics
from tests.redis_server import RedisServer
from tests.routing.builders import snapshot, tenant

NOWHERE = "redis://127.0.0.1:1/0"

Start = Callable[..., Awaitable[SnapshotSource]]


@pytest_asyncio.fixture
async def start(tmp_path: Path, redis_url: str) -> AsyncIterator[Start]:
    sources: list[SnapshotSource] = []

    async def start_source(url: str = redis_url, **options: Any) -> SnapshotSource:
        config = RuntimeConfig(redis_url=url, data_dir=tmp_path, snapshot_poll_ms=20)
        source = SnapshotSource(config, **options)
        await source.start()
        sources.append(source)
        return source

    yield start_source
    for source in sources:
        await source.close()


def publish(client: redis.Redis, new: Snapshot, *, body: bytes | None = None) -> None:
    exact = encode_snapshot(new)
    client.set(redis_names.snapshot_body(new.revision), exact if body is None else body)
    client.set(redis_names.SNAPSHOT_POINTER, f"{new.revision}:{snapshot_digest(exact)}")
    client.publish(redis_names.SNAPSHOT_CHANNEL, str(new.revision))


def revision(source: SnapshotSource) -> int:
    return source.active.revision if source.active else 0


def acknowledged(client: redis.Redis, number: int) -> list[Acknowledgement]:
    words: Any = client.hvals(redis_names.acknowledgements(number))
    return [msgspec.json.decode(word, type=Acknowledgement) for word in words]


def refusal(client: redis.Redis, number: int) -> str | None:
    return next((word.error for word in acknowledged(client, number)), None)


def heartbeat(client: redis.Redis) -> Heartbeat | None:
    beats: Any = client.hvals(redis_names.RUNTIMES)
    return msgspec.json.decode(beats[0], type=Heartbeat) if beats else None


def complaint(client: redis.Redis) -> str | None:
    beat = heartbeat(client)
    return beat.error if beat else None


def refused_total() -> float:
    [line] = [
        line
        for line in metrics.render().decode().splitlines()
        if line.startswith("reprise_snapshot_refused_total ")
    ]
    return float(line.split()[1])


async def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_start__published_before__in_force_at_once(
    start: Start, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=3))

    source = await start()

    assert revision(source) == 3


async def test_start__nothing_published__nothing_in_force(start: Start) -> None:
    source = await start()

    assert source.active is None


async def test_publish__while_running__in_force_and_acknowledged(
    start: Start, redis_client: redis.Redis, tmp_path: Path
) -> None:
    source = await start()

    publish(redis_client, snapshot(revision=1))
    await until(lambda: bool(acknowledged(redis_client, 1)))

    [word] = acknowledged(redis_client, 1)
    instance = (tmp_path / "instance-id").read_text()
    assert (revision(source), word.instance, word.error) == (1, instance, None)
    assert 0 < int(str(redis_client.ttl(redis_names.acknowledgements(1)))) <= 30 * 24 * 3600


async def test_publish__hint_lost__found_by_polling(
    start: Start, redis_client: redis.Redis
) -> None:
    source = await start()
    body = encode_snapshot(snapshot(revision=1))
    redis_client.set(redis_names.snapshot_body(1), body)

    redis_client.set(redis_names.SNAPSHOT_POINTER, f"1:{snapshot_digest(body)}")

    await until(lambda: revision(source) == 1)


async def test_publish__hint_comes__no_need_to_wait_for_the_poll(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    config = RuntimeConfig(redis_url=redis_url, data_dir=tmp_path, snapshot_poll_ms=60_000)
    source = SnapshotSource(config)
    await source.start()
    await until(lambda: redis_client.pubsub_numsub(redis_names.SNAPSHOT_CHANNEL)[0][1] == 1)

    publish(redis_client, snapshot(revision=1))

    await until(lambda: revision(source) == 1)
    await source.close()


async def test_publish__active_taken_by_a_call__unchanged_for_that_call(
    start: Start, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=1))
    source = await start()
    taken = source.active
    assert taken is not None

    publish(redis_client, snapshot(tenant("globex"), revision=2))
    await until(lambda: revision(source) == 2)

    assert (taken.revision, set(taken.tenants)) == (1, {"uid-acme", "uid-globex"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"schema_version": 99}',
        encode_snapshot(snapshot(revision=9)),
    ],
    ids=["empty", "cut", "wrong shape", "later schema", "other digest"],
)
async def test_publish__bad_body__refused_reported_and_last_good_stays(
    start: Start, redis_client: redis.Redis, body: bytes
) -> None:
    publish(redis_client, snapshot(revision=1))
    source = await start()
    before = refused_total()

    publish(redis_client, snapshot(revision=2), body=body)
    await until(lambda: bool(acknowledged(redis_client, 2)))
    await asyncio.sleep(0.1)

    assert revision(source) == 1
    assert acknowledged(redis_client, 2)[0].error
    assert refused_total() - before == 1


@pytest.mark.parametrize(
    "body",
    [b'{"schema_version": 99, "revision": 2}', encode_snapshot(snapshot(revision=7)), b"\xff"],
    ids=["later schema", "other revision", "no text"],
)
async def test_publish__bad_content_under_its_own_digest__refused(
    start: Start, redis_client: redis.Redis, body: bytes
) -> None:
    source = await start()

    redis_client.set(redis_names.snapshot_body(2), body)
    redis_client.set(redis_names.SNAPSHOT_POINTER, f"2:{snapshot_digest(body)}")
    await until(lambda: bool(acknowledged(redis_client, 2)))

    assert source.active is None
    assert refusal(redis_client, 2)


async def test_publish__good_one_after_a_bad_one__in_force(
    start: Start, redis_client: redis.Redis
) -> None:
    source = await start()
    publish(redis_client, snapshot(revision=1), body=b"{")
    await until(lambda: complaint(redis_client) is not None)

    publish(redis_client, snapshot(revision=2))

    await until(lambda: revision(source) == 2)
    await until(lambda: complaint(redis_client) is None)


async def test_publish__body_comes_after_the_pointer__adopted_later(
    start: Start, redis_client: redis.Redis
) -> None:
    source = await start()
    late = snapshot(revision=1)
    body = encode_snapshot(late)
    redis_client.set(redis_names.SNAPSHOT_POINTER, f"1:{snapshot_digest(body)}")
    await until(lambda: refusal(redis_client, 1) is not None)

    redis_client.set(redis_names.snapshot_body(1), body)

    await until(lambda: revision(source) == 1)
    await until(lambda: acknowledged(redis_client, 1)[0].error is None)


@pytest.mark.parametrize("pointer", ["", "x", "5", "5:", ":abc", "-1:abc", "9" * 5000 + ":abc"])
async def test_pointer__malformed__last_good_stays(
    start: Start, redis_client: redis.Redis, pointer: str
) -> None:
    publish(redis_client, snapshot(revision=1))
    source = await start()

    redis_client.set(redis_names.SNAPSHOT_POINTER, pointer)
    await asyncio.sleep(0.1)

    assert revision(source) == 1


async def test_pointer__older_revision__refused_saying_what_to_publish(
    start: Start, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=5))
    source = await start()

    publish(redis_client, snapshot(revision=4))
    await until(lambda: complaint(redis_client) is not None)

    told = "older than revision 5 in force: publish above 5"
    assert revision(source) == 5
    assert (refusal(redis_client, 4), complaint(redis_client)) == (told, told)


async def test_pointer__older_and_back_again__nothing_to_complain_of(
    start: Start, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=5))
    await start()
    publish(redis_client, snapshot(revision=4))
    await until(lambda: complaint(redis_client) is not None)

    publish(redis_client, snapshot(revision=5))

    await until(lambda: complaint(redis_client) is None)


async def test_pointer__older_then_newer__followed(start: Start, redis_client: redis.Redis) -> None:
    publish(redis_client, snapshot(revision=5))
    source = await start()
    publish(redis_client, snapshot(revision=4))
    await until(lambda: refusal(redis_client, 4) is not None)

    publish(redis_client, snapshot(revision=6))

    await until(lambda: revision(source) == 6)


async def test_pointer__same_revision_with_another_digest__refused(
    start: Start, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=5))
    source = await start()

    publish(redis_client, snapshot(tenant("globex"), revision=5))
    await until(lambda: refusal(redis_client, 5) is not None)

    assert source.active is not None
    assert "uid-acme" in source.active.tenants


async def test_start__redis_away__last_good_from_disk(
    start: Start, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=5))
    await start()
    await asyncio.sleep(0.1)

    again = await start(NOWHERE)

    assert revision(again) == 5


async def test_start__from_disk_and_same_in_redis__acknowledged_again(
    start: Start, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=5))
    await start()
    await asyncio.sleep(0.1)
    redis_client.delete(redis_names.acknowledgements(5))

    await start()

    assert len(acknowledged(redis_client, 5)) == 1


@pytest.mark.parametrize(
    "kept", [b"", b"{}", b'{"digest": "00", "body": "{}"}', b"\xff\xfe"],
    ids=["empty", "no fields", "other digest", "no text"],
)  # fmt: skip
async def test_start__file_on_disk_damaged__starts_without_it(
    start: Start, tmp_path: Path, redis_client: redis.Redis, kept: bytes
) -> None:
    (tmp_path / "snapshot.json").write_bytes(kept)

    source = await start()

    assert source.active is None
    publish(redis_client, snapshot(revision=1))
    await until(lambda: revision(source) == 1)


async def test_last_good__on_disk__only_its_owner_may_read_it(
    start: Start, tmp_path: Path, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=5))
    await start()

    path = tmp_path / "snapshot.json"
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_text())["digest"] == snapshot_digest(
        encode_snapshot(snapshot(revision=5))
    )


async def test_redis__away_and_back__followed_again(start: Start, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    source = await start(server.url)
    assert source.active is None

    server.start()
    with redis.Redis.from_url(server.url) as client:
        publish(client, snapshot(revision=1))
        await until(lambda: revision(source) == 1)
        server.kill()
        await asyncio.sleep(0.1)
        server.start()
        publish(client, snapshot(revision=2))
        await until(lambda: revision(source) == 2)
    server.kill()


async def test_heartbeat__running__says_what_the_runtime_is(
    start: Start, redis_client: redis.Redis
) -> None:
    publish(redis_client, snapshot(revision=5))
    await start(vitals=lambda: Vitals("all-MiniLM-L6-v2@202681c1a580", 12))
    await until(lambda: heartbeat(redis_client) is not None)

    beat = heartbeat(redis_client)
    assert beat is not None
    assert (beat.revision, beat.redis_ok, beat.events_spooled) == (5, True, 12)
    assert beat.embedding_model == "all-MiniLM-L6-v2@202681c1a580"


async def test_close__running__off_the_list_of_runtimes(
    start: Start, redis_client: redis.Redis
) -> None:
    source = await start()
    await until(lambda: bool(redis_client.hlen(redis_names.RUNTIMES)))

    await source.close()

    assert redis_client.hlen(redis_names.RUNTIMES) == 0


async def test_instance__restart_on_the_same_disk__same_name(
    start: Start, redis_client: redis.Redis
) -> None:
    for number in (1, 2):
        publish(redis_client, snapshot(revision=number))
        await start()

    [first], [second] = acknowledged(redis_client, 1), acknowledged(redis_client, 2)
    assert first.instance == second.instance


async def test_seconds_since_contact__redis_there__small(start: Start) -> None:
    source = await start()
    await asyncio.sleep(0.1)

    assert source.seconds_since_contact < 5


async def test_publish__redis_takes_no_acknowledgement__on_disk_all_the_same(
    start: Start, redis_client: redis.Redis
) -> None:
    redis_client.set(redis_names.acknowledgements(5), "not a hash")
    publish(redis_client, snapshot(revision=5))
    await start()

    again = await start(NOWHERE)

    assert revision(again) == 5


async def test_publish__redis_takes_no_acknowledgement__told_later_and_next_one_followed(
    start: Start, redis_client: redis.Redis
) -> None:
    redis_client.set(redis_names.acknowledgements(5), "not a hash")
    publish(redis_client, snapshot(revision=5))
    source = await start()

    publish(redis_client, snapshot(revision=6))

    await until(lambda: revision(source) == 6)
    await until(lambda: len(acknowledged(redis_client, 6)) == 1)


async def test_publish__disk_refuses__said_in_the_heartbeat_and_written_later(
    start: Start, redis_client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.snapshot_source.HEARTBEAT_SECONDS", 0.05)
    (tmp_path / "snapshot.json").mkdir()
    await start()
    publish(redis_client, snapshot(revision=5))
    await until(lambda: "not on disk" in (complaint(redis_client) or ""))

    (tmp_path / "snapshot.json").rmdir()

    await until((tmp_path / "snapshot.json").is_file)
    await until(lambda: complaint(redis_client) is None)
