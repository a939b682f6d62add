"""Clears away what no call can reach any more: expired vectors, and partitions of old document
versions. Works in slices, because removing a large vector set at once would block Redis."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing import redis_names
from routing.active import ActiveConfig, ActiveTenant

logger = logging.getLogger(__name__)

_SLICE = 100
_PAUSE_SECONDS = 0.01
_ROUND_SECONDS = 5.0
_LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Collected:
    """What one round removed."""

    entries: int
    partitions: int


class Collector:
    """Removes in the background; `active` gives the configuration in force, `clock` epoch seconds.

    Several runtimes share the work by a lease, one round at a time.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        active: Callable[[], ActiveConfig | None],
        on_error: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._active = active
        self._on_error = on_error
        self._clock = clock

    async def run(self) -> None:
        """Collect for ever; cancel to stop. Faults are counted and the next round tries again."""
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            try:
                await self._round()
            except (RedisError, OSError, TimeoutError) as error:
                self._on_error("collector")
                logger.warning("collector.failed error=%s", error)

    async def collect(self, config: ActiveConfig) -> Collected:
        """One full round over the tenants of `config`. Raises RedisError when Redis fails."""
        entries = partitions = 0
        for tenant in config.tenants.values():
            name = redis_names.partitions(tenant.config.uid)
            async for member, _ in self._redis.zscan_iter(name, count=_SLICE):
                partition = member.decode()
                entries += await self._sweep(tenant, partition)
                partitions += await self._retire_if_empty(tenant, partition)
        return Collected(entries=entries, partitions=partitions)

    async def _round(self) -> None:
        config = self._active()
        if config is None:
            return
        if not await self._redis.set(redis_names.COLLECTOR_LEASE, b"1", nx=True, ex=_LEASE_SECONDS):
            return
        try:
            collected = await self.collect(config)
        finally:
            await self._redis.delete(redis_names.COLLECTOR_LEASE)
        if collected.entries:
            logger.info(
                "collector.round entries=%d partitions=%d", collected.entries, collected.partitions
            )

    async def _sweep(self, tenant: ActiveTenant, partition: str) -> int:
        """Remove, slice by slice, everything of `partition` that may not be served again."""
        uid = tenant.config.uid
        expiries = redis_names.expiries(uid, partition)
        bound = self._clock() if await self._reachable(tenant, partition) else float("inf")
        removed = 0
        while ids := await self._redis.zrangebyscore(expiries, "-inf", bound, start=0, num=_SLICE):
            await self._remove(uid, partition, cast("list[bytes]", ids))
            removed += len(ids)
            await asyncio.sleep(_PAUSE_SECONDS)
        return removed

    async def _reachable(self, tenant: ActiveTenant, partition: str) -> bool:
        documents = await self._documents(tenant.config.uid, partition)
        return all(str(tenant.versions.get(slug)) == kept for slug, kept in documents.items())

    async def _documents(self, uid: str, partition: str) -> dict[str, str]:
        """The document versions that the answers of `partition` rest on."""
        name = redis_names.partition_documents(uid, partition)
        kept = cast("dict[bytes, bytes]", await self._redis.hgetall(name))
        return {slug.decode(): version.decode() for slug, version in kept.items()}

    async def _remove(self, uid: str, partition: str, ids: Sequence[bytes]) -> None:
        vectors = redis_names.vectors(uid, partition)
        async with self._redis.pipeline(transaction=False) as pipe:
            for entry_id in ids:
                pipe.execute_command("VREM", vectors, entry_id)
                pipe.unlink(redis_names.entry(uid, partition, entry_id.decode()))
            pipe.zrem(redis_names.expiries(uid, partition), *ids)
            await pipe.execute()

    async def _retire_if_empty(self, tenant: ActiveTenant, partition: str) -> int:
        uid = tenant.config.uid
        expiries = redis_names.expiries(uid, partition)
        if await self._redis.zcard(expiries):
            return 0
        documents = await self._documents(uid, partition)
        await self._redis.zrem(redis_names.partitions(uid), partition)
        # A store may have come in between: it registers after writing, so looking again after
        # deregistering cannot miss it.
        if await self._redis.zcard(expiries):
            await self._redis.zadd(redis_names.partitions(uid), {partition: self._clock()})
            return 0
        for slug, version in documents.items():
            await self._redis.srem(redis_names.document_partitions(uid, slug, version), partition)
        await self._redis.delete(redis_names.partition_documents(uid, partition))
        return 1
