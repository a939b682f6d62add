"""The control plane's connection to Redis."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

_TIMEOUT_SECONDS = 2.0
_CONNECT_TIMEOUT_SECONDS = 0.5


def redis_client() -> redis.Redis:
    """A client of REDIS_URL, one per process; its short timeouts keep a save from hanging."""
    return _client(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        # One more try covers a connection that a restart of Redis has closed.
        retry=Retry(NoBackoff(), 1),
    )
