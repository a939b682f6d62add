"""What keeps the store in order while calls are answered: collecting, evicting, keeping account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis

from routing.active import ActiveConfig
from routing.store.collector import Collector
from routing.store.eviction import Evictor
from routing.store.limits import LimitBook, OverallLimits
from routing.store.memory import MemoryWatch
from routing.store.served import ServedLog


class Housekeeping:
    """The parts and how they belong together. `memory.share` tells how full Redis is."""

    def __init__(
        self,
        redis: Redis,
        *,
        active: Callable[[], ActiveConfig | None],
        overall: OverallLimits,
        on_error: Callable[[str], None],
    ) -> None:
        self.memory = MemoryWatch(redis, on_error=on_error)
        limits = LimitBook(active=active, overall=overall, memory=self.memory)
        self.served = ServedLog(redis, eviction=limits.eviction, on_error=on_error)
        evictor = Evictor(redis, limits=limits, memory=self.memory)
        self._collector = Collector(redis, active=active, on_error=on_error, evictor=evictor)

    def start(self) -> list[asyncio.Task[None]]:
        """The tasks that do it; cancel them to stop."""
        return [
            asyncio.create_task(self.memory.run(), name="memory"),
            asyncio.create_task(self.served.run(), name="served"),
            asyncio.create_task(self._collector.run(), name="collector"),
        ]
