from __future__ import annotations

import asyncio

import pytest

from routing.shared import Shared


class Work:
    """Takes a moment; counts how often it was done."""

    def __init__(self, error: Exception | None = None) -> None:
        self.done = 0
        self._error = error

    async def __call__(self) -> int:
        self.done += 1
        await asyncio.sleep(0.01)
        if self._error:
            raise self._error
        return self.done


async def test_do__same_key_at_once__done_once_and_known_to_be_shared() -> None:
    shared, work = Shared[str, int](), Work()

    outcomes = await asyncio.gather(*(shared.do("a", work) for _ in range(3)))

    assert outcomes == [(1, False), (1, True), (1, True)]


async def test_do__one_after_the_other__done_each_time() -> None:
    shared, work = Shared[str, int](), Work()

    assert [await shared.do("a", work), await shared.do("a", work)] == [(1, False), (2, False)]


async def test_do__other_key__done_beside() -> None:
    shared, work = Shared[str, int](), Work()

    await asyncio.gather(shared.do("a", work), shared.do("b", work))

    assert work.done == 2


async def test_do__work_fails__all_are_told() -> None:
    shared, work = Shared[str, int](), Work(ValueError("broken"))

    outcomes = await asyncio.gather(
        *(shared.do("a", work) for _ in range(3)), return_exceptions=True
    )

    assert [str(outcome) for outcome in outcomes] == ["broken"] * 3


async def test_do__who_does_it_is_cancelled__the_others_do_it() -> None:
    shared, work = Shared[str, int](), Work()
    first = asyncio.create_task(shared.do("a", work))
    second = asyncio.create_task(shared.do("a", work))
    await asyncio.sleep(0)

    first.cancel()

    assert await second == (2, False)
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_do__one_who_waits_is_cancelled__the_work_goes_on() -> None:
    shared, work = Shared[str, int](), Work()
    first = asyncio.create_task(shared.do("a", work))
    second = asyncio.create_task(shared.do("a", work))
    await asyncio.sleep(0)

    second.cancel()

    assert await first == (1, False)
