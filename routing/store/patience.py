"""Waiting for Redis for a bounded time, without blaming it for a busy event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

EXACT_SHARE = 0.3
NEAREST_SHARE = 0.4
BOARD_SHARE = 0.3
"""How a call's time for Redis is shared by what it may ask in turn: the entry, the nearest entries,
and whether the same is being asked already. Together they are all of it."""

_SLICES = 6
_TURNS = 3
_NOTHING = 1e-6


class Patience:
    """Seconds that may be spent waiting; `left` are those that have not been.

    A loop that is busy runs due timers before it reads its sockets, and a burst of calls keeps it
    busy for longer than Redis may take. So the time is spent in slices, of which each costs what it
    was meant to last at most: while the loop does other things, the clock stands still. Then it
    gets the turns it needs to read an answer that has already come.
    """

    __slots__ = ("left",)

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`. Raises TimeoutError when it takes longer than is left."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        slice_seconds = self.left / _SLICES
        try:
            while not task.done() and self.left > _NOTHING:
                started = loop.time()
                await asyncio.wait((task,), timeout=slice_seconds)
                self.left -= min(loop.time() - started, slice_seconds)
            for _ in range(_TURNS):
                if not task.done():
                    await asyncio.sleep(0)
        finally:
            if not task.done():
                # Not awaited: the client closes the connection when the cancellation reaches it.
                task.add_done_callback(_retrieve)
                task.cancel()
        if not task.done():
            raise TimeoutError
        return task.result()


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which gets `seconds`. Raises TimeoutError after that."""
    return await Patience(seconds).wait(work)


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Take note of how an abandoned task ended, so that nobody reports it as overlooked."""
    if not task.cancelled():
        task.exception()
