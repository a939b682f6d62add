"""Refusing, at start, a Redis that cannot hold vectors."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError

from routing.errors import ConfigError

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 2.0


def require_vector_sets(redis_url: str) -> None:
    """Raise ConfigError when Redis answers and has no vector sets, or the URL is malformed.

    A Redis that does not answer is no reason to stay down: curated answers and provider calls do
    without, and it is picked up when it comes back.
    """
    try:
        client = Redis.from_url(
            redis_url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
        )
    except ValueError as error:
        raise ConfigError(f"REDIS_URL is malformed: {error}") from error
    with client:
        try:
            known = client.execute_command(  # type: ignore[no-untyped-call]  # redis-py has no type
                "COMMAND", "INFO", "VADD"
            )
            version = client.info("server").get("redis_version", "an unknown version")
        except (RedisError, OSError) as error:
            logger.warning("redis.unreachable at_start=1 reason=%s", type(error).__name__)
            return
    if not any(known.values() if isinstance(known, dict) else known):
        host = urlsplit(redis_url).hostname or "the socket"
        raise ConfigError(
            f"Redis >= 8.0 with vector sets is required, {host} runs {version}; "
            "set REDIS_URL to one that has them"
        )
