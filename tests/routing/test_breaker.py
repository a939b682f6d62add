from __future__ import annotations

import asyncio

from routing.breaker import Breaker


class Dependency:
    """Something that is down until told otherwise."""

    def __init__(self) -> None:
        self.up = False

    async def ping(self) -> None:
        if not self.up:
            raise OSError("down")


async def test_breaker__failures_in_a_row__opens() -> None:
    breaker = Breaker("redis", probe=Dependency().ping, opens_after=2, seconds=0)
    breaker.failed()
    still_closed = not breaker.is_open
    breaker.failed()

    assert still_closed
    assert breaker.is_open
    await breaker.close()


async def test_breaker__success_between_failures__stays_closed() -> None:
    breaker = Breaker("redis", probe=Dependency().ping, opens_after=2, seconds=0)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()

    assert not breaker.is_open


async def test_breaker__many_failures_of_one_moment__stays_closed() -> None:
    breaker = Breaker("redis", probe=Dependency().ping, opens_after=2, seconds=60)
    for _ in range(100):
        breaker.failed()

    assert not breaker.is_open


async def test_breaker__dependency_back__closes_by_itself() -> None:
    dependency = Dependency()
    breaker = Breaker("redis", probe=dependency.ping, opens_after=1, seconds=0)
    breaker.failed()
    await asyncio.sleep(0.1)
    open_while_down = breaker.is_open

    dependency.up = True
    async with asyncio.timeout(5):
        while breaker.is_open:
            await asyncio.sleep(0.01)

    assert open_while_down


async def test_breaker__fails_again_soon_after_it_closed__left_alone_for_longer() -> None:
    dependency = Dependency()
    dependency.up = True
    breaker = Breaker("redis", probe=dependency.ping, opens_after=1, seconds=0)

    first, second, third = [await seconds_open(breaker) for _ in range(3)]

    assert first < second < third


async def seconds_open(breaker: Breaker) -> float:
    """How long the breaker leaves alone what fails now and is back at once."""
    loop = asyncio.get_running_loop()
    breaker.failed()
    opened = loop.time()
    async with asyncio.timeout(5):
        while breaker.is_open:
            await asyncio.sleep(0.005)
    return loop.time() - opened
