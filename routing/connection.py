"""How the runtime's background parts reach Redis: quick to fail, with their own back-off."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

REDIS_FAILURES = (RedisError, OSError, TimeoutError)
"""Everything that means "Redis did not answer this time"."""

FIRST_BACKOFF_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 2.0


def connect(url: str, *, timeout_seconds: float) -> Redis:
    """A client of `url` that tries once and gives up after `timeout_seconds`. Connects lazily."""
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        # The library's own retries would sleep for seconds inside a call.
        retry=Retry(NoBackoff(), 0),
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )


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
