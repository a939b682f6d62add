from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from routing.store.batch import BatchedReader
from routing.store.patience import within


class BrokenPool(ConnectionPool):
    """Connections that fail as event loops are known to fail, after `seconds`."""

    seconds = 0.0

    async def get_connection(self, *_args: Any, **_options: Any) -> Any:
        await asyncio.sleep(self.seconds)
        raise RuntimeError("handler is closed")


@pytest.fixture
async def reader(redis_url: str) -> AsyncIterator[BatchedReader]:
    client = Redis.from_url(redis_url)
    yield BatchedReader(client, seconds=2)
    await client.aclose()


async def test_hget__many_at_once__each_gets_its_own(
    reader: BatchedReader, redis_client: redis.Redis
) -> None:
    for number in range(100):
        redis_client.hset(f"h{number}", "e", str(number))

    found = await asyncio.gather(*(reader.hget(f"h{number}", "e") for number in range(100)))

    assert found == [str(number).encode() for number in range(100)]


async def test_hget__absent__none(reader: BatchedReader) -> None:
    assert await reader.hget("nothing", "e") is None


async def test_hget__one_wrong_key_in_a_batch__only_its_reader_fails(
    reader: BatchedReader, redis_client: redis.Redis
) -> None:
    redis_client.set("text", "no hash")
    redis_client.hset("hash", "e", "kept")

    wrong, right = await asyncio.gather(
        reader.hget("text", "e"), reader.hget("hash", "e"), return_exceptions=True
    )

    assert isinstance(wrong, RedisError)
    assert right == b"kept"


async def test_hget__reader_cancelled__the_others_are_answered(
    reader: BatchedReader, redis_client: redis.Redis
) -> None:
    redis_client.hset("hash", "e", "kept")
    gone = asyncio.create_task(reader.hget("hash", "e"))
    stays = asyncio.create_task(reader.hget("hash", "e"))
    await asyncio.sleep(0)

    gone.cancel()

    assert await stays == b"kept"


async def test_hget__redis_gone__all_who_wait_are_told() -> None:
    nowhere = BatchedReader(Redis.from_url("redis://127.0.0.1:1/0"), seconds=1)

    told = await asyncio.gather(
        *(nowhere.hget("hash", "e") for _ in range(5)), return_exceptions=True
    )

    assert all(isinstance(error, (RedisError, OSError, TimeoutError)) for error in told)


async def test_hget__client_breaks_in_an_unknown_way__nobody_waits_for_ever() -> None:
    reader = BatchedReader(Redis(connection_pool=BrokenPool()), seconds=1)

    told = await asyncio.gather(
        *(reader.hget("hash", "e") for _ in range(3)), return_exceptions=True
    )

    assert [str(error) for error in told] == ["handler is closed"] * 3


async def test_hget__waits_behind_a_slow_batch__no_longer_than_its_own_time() -> None:
    pool = BrokenPool()
    pool.seconds = 0.25
    reader = BatchedReader(Redis(connection_pool=pool), seconds=0.3)
    loop = asyncio.get_running_loop()
    first = asyncio.create_task(reader.hget("hash", "e"))
    await asyncio.sleep(0.01)
    asked_at = loop.time()

    with pytest.raises((TimeoutError, RuntimeError)):
        await reader.hget("hash", "e")

    assert loop.time() - asked_at < 0.45
    await asyncio.gather(first, return_exceptions=True)


async def test_within__answer_came_while_the_loop_was_busy__not_too_late() -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    reading, writing = os.pipe()
    loop.add_reader(reading, lambda: answer.set_result(os.read(reading, 1)))

    async def read_answer() -> bytes:
        return await answer

    def answer_and_keep_the_loop_busy() -> None:
        os.write(writing, b"x")
        time.sleep(0.1)

    loop.call_soon(answer_and_keep_the_loop_busy)
    result = await within(0.05, read_answer())

    loop.remove_reader(reading)
    os.close(reading)
    os.close(writing)
    assert result == b"x"


async def test_within__no_answer__time_out() -> None:
    with pytest.raises(TimeoutError):
        await within(0.01, asyncio.sleep(60))


async def test_within__loop_busy_before_the_work_began__not_blamed_on_it() -> None:
    async def answer() -> bytes:
        for _ in range(3):
            await asyncio.sleep(0)
        return b"x"

    def keep_the_loop_busy() -> None:
        time.sleep(0.02)

    for _ in range(5):
        asyncio.get_running_loop().call_soon(keep_the_loop_busy)

    assert await within(0.005, answer()) == b"x"
