"""Refusing, at start, a Redis that cannot hold vectors."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from routing import redis_names
from routing.errors import ConfigError

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 2.0
_NO_SUCH_KEY = f"{redis_names.PREFIX}:none"


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
            # Before Redis 6 there is no other, and this must tell just such a server apart.
            protocol=2,
        )
    except ValueError as error:
        raise ConfigError(f"REDIS_URL is malformed: {error}") from error
    with client:
        try:
            version = client.info("server").get("redis_version", "an unknown version")
            _count_vectors(client)
        except ResponseError as error:
            if "unknown command" not in str(error).lower():
                logger.warning("redis.check_refused reason=%s", error)
                return
            host = urlsplit(redis_url).hostname or "the socket"
            raise ConfigError(
                f"Redis >= 8.0 with vector sets is required, {host} runs {version}; "
                "set REDIS_URL to one that has them"
            ) from error
        except (RedisError, OSError) as error:
            logger.warning("redis.unreachable at_start=1 reason=%s", type(error).__name__)


def _count_vectors(client: Redis) -> None:
    """Ask for the size of a vector set that is not there; an error tells that there are none."""
    client.execute_command("VCARD", _NO_SUCH_KEY)  # type: ignore[no-untyped-call]  # redis-py has no type
