"""The control plane's connection to Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TypeVar

import redis
from django.conf import settings
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

AnswerT = TypeVar("AnswerT")

_TIMEOUT_SECONDS = 2.0
_CONNECT_TIMEOUT_SECONDS = 0.5


def redis_client(*, timeout_seconds: float = _TIMEOUT_SECONDS) -> redis.Redis:
    """A client of REDIS_URL, one per process; its short timeouts keep a save from hanging.

    `timeout_seconds` is for each command: shorter where the page can do without the answer.
    """
    return _client(settings.REDIS_URL, timeout_seconds)


def ask_redis(
    question: Callable[[AsyncRedis], Awaitable[AnswerT]],
    *,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> AnswerT:
    """What `question` makes of an asyncio client of REDIS_URL, in an event loop of its own.

    `timeout_seconds` is for each command. Raises redis.RedisError.
    """

    async def ask() -> AnswerT:
        client = AsyncRedis.from_url(
            settings.REDIS_URL,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        )
        async with client:
            return await question(client)

    return asyncio.run(ask())


@lru_cache(maxsize=8)
def _client(url: str, timeout_seconds: float) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=min(timeout_seconds, _CONNECT_TIMEOUT_SECONDS),
        # One more try covers a connection that a restart of Redis has closed.
        retry=Retry(NoBackoff(), 1),
    )
