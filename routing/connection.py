"""How the runtime's background parts reach Redis: quick to fail, with their own back-off."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

REDIS_FAILURES = (RedisError, OSError, TimeoutError)
"""Everything that means "Redis did not answer this time"."""

FIRST_BACKOFF_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 2.0


def connect(url: str, *, timeout_seconds: float, caller_bounds: bool = False) -> Redis:
    """A client of `url` that tries once and gives up after `timeout_seconds`. Connects lazily.

    `caller_bounds`: every command runs under the caller's own `asyncio.timeout`, and the client
    sets none. Its time-outs cost 20 us a command, and its `wait_for` may swallow the caller's.
    """
    return Redis.from_url(
        url,
        socket_timeout=None if caller_bounds else timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        # The library's own retries would sleep for seconds inside a call.
        retry=Retry(NoBackoff(), 0),
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )


async def stop_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and wait until they have ended.

    Asked more than once: the client sends under `asyncio.wait_for`, which in Python 3.11 swallows a
    cancellation that arrives just as the sending ends.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.1)


class Backoff:
    """Doubling pauses between attempts, capped, back to the first after a success."""

    def __init__(self) -> None:
        self._next = FIRST_BACKOFF_SECONDS

    def failed(self) -> float:
        """Seconds to wait before the next attempt."""
        pause, self._next = self._next, min(self._next * 2, MAX_BACKOFF_SECONDS)
        return pause

    def succeeded(self) -> None:
        """The next failure waits shortly again."""
        self._next = FIRST_BACKOFF_SECONDS
