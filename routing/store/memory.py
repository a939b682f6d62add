"""Watches how full Redis is, so that operators hear of it before it refuses to store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing.telemetry import metrics

logger = logging.getLogger(__name__)

WARN_SHARE = 0.8
FULL_SHARE = 0.9
"""From here on the least used entries are evicted."""

_READ_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Redis' memory in bytes; `limit_bytes` and `share` are None when it has no limit."""

    used_bytes: int
    limit_bytes: int | None
    share: float | None


async def read_memory(redis: Redis) -> Memory:
    """How full Redis is. Raises what the client raises."""
    told = cast("dict[str, int]", await redis.info("memory"))
    used, limit = told["used_memory"], told.get("maxmemory") or None
    return Memory(used_bytes=used, limit_bytes=limit, share=used / limit if limit else None)


class MemoryWatch:
    """Keeps `share` up to date, as a metric too, and warns when it gets high."""

    def __init__(self, redis: Redis, *, on_error: Callable[[str], None]) -> None:
        self._redis = redis
        self._on_error = on_error
        self._warned = False
        self.share: float | None = None

    async def run(self) -> None:
        """Watch for ever; cancel to stop."""
        while True:
            try:
                await self.read()
            except (RedisError, OSError, TimeoutError) as error:
                logger.debug("memory.not_read error=%s", error)
            except Exception:
                self._on_error("memory")
                logger.exception("memory.failed")
            await asyncio.sleep(_READ_SECONDS)

    async def read(self) -> Memory:
        """Look now. Raises what the client raises."""
        memory = await read_memory(self._redis)
        self.share = memory.share
        metrics.redis_memory_share(memory.share)
        high = memory.share is not None and memory.share > WARN_SHARE
        if high and not self._warned:
            logger.warning(
                "memory.high share=%.2f used_bytes=%d limit_bytes=%d",
                memory.share,
                memory.used_bytes,
                memory.limit_bytes,
            )
        self._warned = high
        return memory
