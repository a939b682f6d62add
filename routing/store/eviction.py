"""Evicts entries where a limit asks for it: the least used first, one by one, never a partition as
a whole and never a key that holds no entry.

A limit may be overshot until the next round.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from routing import redis_names
from routing.active import ActiveConfig
from routing.snapshot import Eviction, Limits
from routing.store.limits import LimitBook
from routing.store.memory import FULL_SHARE, MemoryWatch
from routing.store.removal import EVERYTHING, PAUSE_SECONDS, SLICE, Remover, by_partition
from routing.store.shelf import Shelf
from routing.store.size import mean_entry_bytes
from routing.telemetry import metrics

logger = logging.getLogger(__name__)

_COMPLETE_SECONDS = 3_600
_MEAN_SECONDS = 60.0
_PAGE = 500
_RELIEF_SHARE = 0.02
_LEAST_RELIEF = 50


@dataclass(frozen=True, slots=True)
class _Holding:
    """How many entries a tenant has, and their mean size where a limit asks for bytes."""

    uid: str
    limits: Limits
    entries: int
    mean_bytes: float


class Evictor:
    """Enforces limits, as part of the collector's round. Methods raise what the client raises."""

    def __init__(self, redis: Redis, *, limits: LimitBook, memory: MemoryWatch) -> None:
        self._redis = redis
        self._limits = limits
        self._memory = memory
        self._remover = Remover(redis)
        self._shelf = Shelf(redis)
        self._means: dict[str, tuple[float, float]] = {}

    async def relieve(self) -> int:
        """Make room while Redis is nearly full; returns the entries evicted.

        Needs no memory itself: a full Redis lets take away, and nothing else.
        """
        evicted = 0
        while ((await self._memory.read()).share or 0.0) > FULL_SHARE:
            step = 0
            for uid in await self._tenants():
                entries = await self._redis.zcard(redis_names.used(uid))
                count = max(_LEAST_RELIEF, math.ceil(entries * _RELIEF_SHARE))
                step += await self._evict(uid, count)
            if not step:
                logger.warning("eviction.nothing_left_to_evict")
                break
            metrics.entries_evicted("memory", step)
            evicted += step
        return evicted

    async def enforce(self, config: ActiveConfig) -> int:
        """Bring every tenant, and all together, below their limits; returns the entries evicted."""
        holdings: list[_Holding] = []
        for uid in await self._tenants():
            order = self._limits.eviction(uid)
            tenant = config.tenants.get(uid)
            if order is None or tenant is None:
                await self._redis.unlink(redis_names.used(uid), redis_names.used_complete(uid))
                continue
            await self._complete(uid, order)
            holdings.append(await self._holding(uid, tenant.config.limits))
        left, evicted = [], 0
        for holding in holdings:
            own = _surplus(holding, holding.limits.max_entries, holding.limits.max_bytes)
            gone = await self._evict(holding.uid, own)
            metrics.entries_evicted("tenant", gone)
            evicted += gone
            left.append(_Holding(holding.uid, holding.limits, holding.entries - gone,
                                 holding.mean_bytes))  # fmt: skip
        return evicted + await self._enforce_overall(left)

    async def _enforce_overall(self, holdings: Sequence[_Holding]) -> int:
        """Each tenant gives in proportion to what it holds."""
        overall = self._limits.overall
        entries = sum(holding.entries for holding in holdings)
        size = sum(holding.entries * holding.mean_bytes for holding in holdings)
        over = 0.0
        if overall.max_entries and entries:
            over = max(over, 1 - overall.max_entries / entries)
        if overall.max_bytes and size:
            over = max(over, 1 - overall.max_bytes / size)
        evicted = 0
        for holding in holdings:
            evicted += await self._evict(holding.uid, math.ceil(holding.entries * over))
        metrics.entries_evicted("overall", evicted)
        return evicted

    async def _holding(self, uid: str, limits: Limits) -> _Holding:
        mean = 0.0
        if limits.max_bytes or self._limits.overall.max_bytes:
            mean = await self._mean_bytes(uid)
        entries = await self._redis.zcard(redis_names.used(uid))
        return _Holding(uid, limits, entries, mean)

    async def _mean_bytes(self, uid: str) -> float:
        known, until = self._means.get(uid, (0.0, 0.0))
        now = time.monotonic()
        if now >= until:
            known, _ = await mean_entry_bytes(self._redis, uid)
            self._means[uid] = (known, now + _MEAN_SECONDS)
        return known

    async def _complete(self, uid: str, order: Eviction) -> None:
        """See that the order of use names every entry, also those from before it was kept.

        Again every hour: an entry may have been left out when two things happened at once.
        """
        name, complete = redis_names.used(uid), redis_names.used_complete(uid)
        found = cast("bytes | None", await self._redis.get(complete))
        if found is not None and found.decode() == order:
            return
        if found is not None:
            await self._redis.unlink(name)
        async for row in self._redis.zscan_iter(redis_names.partitions(uid), count=_PAGE):
            partition = row[0].decode()
            expiries = redis_names.expiries(uid, partition)
            members = [
                f"{partition}.{entry_id.decode()}"
                async for entry_id, _ in self._redis.zscan_iter(expiries, count=_PAGE)
            ]
            for start in range(0, len(members), _PAGE):
                page = dict.fromkeys(members[start : start + _PAGE], 0)
                await self._redis.zadd(name, page, nx=True)
        await self._redis.set(complete, order.value, ex=_COMPLETE_SECONDS)

    async def _evict(self, uid: str, count: int) -> int:
        """Take `count` names off the account, the least used first; returns how many of them were
        still entries."""
        evicted = taken = 0
        while taken < count:
            names = await self._least_used(uid, min(_PAGE, count - taken))
            if not names:
                break
            taken += len(names)
            for start in range(0, len(names), SLICE):
                # Together, for the least used may lie in as many partitions; no more, for Redis
                # would do them all before it serves anybody else.
                parts = by_partition(names[start : start + SLICE])
                removals = (self._remove(uid, where, ids) for where, ids in parts.items())
                evicted += sum(await asyncio.gather(*removals))
                await asyncio.sleep(PAUSE_SECONDS)
            await self._redis.zrem(redis_names.used(uid), *names)
        return evicted

    async def _remove(self, uid: str, partition: str, ids: Sequence[str]) -> int:
        done = await self._remover.remove(uid, partition, ids, before=EVERYTHING)
        if await self._shelf.next_expiry(uid, partition) is None:
            await self._shelf.retire(uid, partition)
        return done.count

    async def _least_used(self, uid: str, count: int) -> list[str]:
        """By the order of use; before there is one, those that expire soonest."""
        found = cast("list[bytes]", await self._redis.zrange(redis_names.used(uid), 0, count - 1))
        if found:
            return [name.decode() for name in found]
        partitions = cast(
            "list[bytes]", await self._redis.zrange(redis_names.partitions(uid), 0, _PAGE - 1)
        )
        names: list[str] = []
        for partition in (item.decode() for item in partitions):
            expiries = redis_names.expiries(uid, partition)
            ids = cast("list[bytes]", await self._redis.zrange(expiries, 0, count - 1))
            names += [f"{partition}.{entry_id.decode()}" for entry_id in ids]
            if not ids:
                await self._shelf.retire(uid, partition)
            if len(names) >= count:
                break
        return names[:count]

    async def _tenants(self) -> list[str]:
        members = cast("set[bytes]", await self._redis.smembers(redis_names.TENANTS))
        return sorted(member.decode() for member in members)


def _surplus(holding: _Holding, max_entries: int, max_bytes: int) -> int:
    """How many entries must go."""
    surplus = 0
    if max_entries:
        surplus = max(surplus, holding.entries - max_entries)
    if max_bytes and holding.mean_bytes:
        surplus = max(surplus, holding.entries - math.floor(max_bytes / holding.mean_bytes))
    return surplus
