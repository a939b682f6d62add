"""Which entries are used, so that an eviction takes the others. Costs a call nothing: it is noted
in memory and written every second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing import redis_names
from routing.snapshot import Eviction

logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 1.0
_LEAD = 0.5
"""Servings by which a new entry is ahead of the least used. Were it behind, then of those that are
all in use none would ever make room for it."""

_MAX_NOTED = 10_000
"""Different entries in one second; of the rest nothing is noted."""


class ServedLog:
    """Keeps `redis_names.used` of the tenants for which `eviction` names an order.

    `clock` gives epoch seconds.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        eviction: Callable[[str], Eviction | None],
        on_error: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._eviction = eviction
        self._on_error = on_error
        self._clock = clock
        self._noted: dict[tuple[str, str], int] = {}

    def note(self, tenant: str, entry: str) -> None:
        """`entry` (``<partition>.<entry>``) was served once more."""
        if self._eviction(tenant) is None:
            return
        key = (tenant, entry)
        if key in self._noted:
            self._noted[key] += 1
        elif len(self._noted) < _MAX_NOTED:
            self._noted[key] = 1

    async def stored(self, tenant: str, entry: str, *, at: int) -> None:
        """`entry` was stored `at` (epoch seconds). Raises what the client raises."""
        order = self._eviction(tenant)
        if order is Eviction.LRU:
            await self._redis.zadd(redis_names.used(tenant), {entry: at}, gt=True)
        elif order is Eviction.LFU:
            name = redis_names.used(tenant)
            least = await self._redis.zrange(name, 0, 0, withscores=True)
            found = cast("list[tuple[bytes, float]]", least)
            await self._redis.zadd(name, {entry: found[0][1] + _LEAD if found else 0}, nx=True)

    async def run(self) -> None:
        """Write for ever what was noted; cancel to stop. What cannot be written is dropped."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                await self.flush()
            except (RedisError, OSError, TimeoutError) as error:
                self._on_error("served")
                logger.debug("served.not_written error=%s", error)
            except Exception:
                self._on_error("served")
                logger.exception("served.failed")

    async def flush(self) -> None:
        """Write what was noted. Raises what the client raises."""
        noted, self._noted = self._noted, {}
        by_tenant: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (tenant, entry), times in noted.items():
            by_tenant[tenant][entry] = times
        if not by_tenant:
            return
        now = self._clock()
        async with self._redis.pipeline(transaction=False) as pipe:
            for tenant, entries in by_tenant.items():
                name = redis_names.used(tenant)
                # XX: what has gone meanwhile must not come back into the order.
                if self._eviction(tenant) is Eviction.LRU:
                    pipe.zadd(name, dict.fromkeys(entries, now), xx=True)
                    continue
                for entry, times in entries.items():
                    pipe.zadd(name, {entry: times}, xx=True, incr=True)
            await pipe.execute()
