"""Waiting for Redis for a bounded time, without blaming it for a busy event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_TURNS = 3


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which gets `seconds`. Raises TimeoutError after that.

    A loop that is busy runs due timers before it reads its sockets. So when the time is up, the
    loop first gets the turns it needs to read an answer that has already come: under a load that
    fills the core, a healthy Redis must not look slow.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait((task,), timeout=max(seconds, 0))
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


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Take note of how an abandoned task ended, so that nobody reports it as overlooked."""
    if not task.cancelled():
        task.exception()
