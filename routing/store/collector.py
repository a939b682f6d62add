"""Clears away what no call can reach any more: expired entries, and partitions that rest on a
document version or a generation that is not current, or belong to a policy or tenant that is gone.
Works in slices, because removing a large vector set at once would block Redis, and looks only where
something is due."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from routing import redis_names
from routing.active import ActiveConfig
from routing.store import lua
from routing.store.eviction import Evictor
from routing.store.removal import EVERYTHING, PAUSE_SECONDS, SLICE
from routing.store.shelf import Shelf
from routing.store.tags import TagDropper

logger = logging.getLogger(__name__)

_NAMES = 100
_ROUND_SECONDS = 5.0
_LEASE_SECONDS = 60
_LONGEST_ROUND_SECONDS = 30.0
_NO_VERSIONS: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed."""

    entries: int = 0
    partitions: int = 0

    def __add__(self, other: Collected) -> Collected:
        return Collected(self.entries + other.entries, self.partitions + other.partitions)


@dataclass(frozen=True, slots=True)
class _Books:
    """What is known of a tenant's partitions: the ``name@version`` of documents and generations
    that some rest on, how many were due at `now`, and how many tags are still being dropped."""

    uid: str
    versions: tuple[str, ...]
    due: int
    unfinished: int
    now: float


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
        evictor: Evictor | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._evictor = evictor
        self._dropper = TagDropper(redis, clock=clock)
        self._active = active
        self._on_error = on_error
        self._clock = clock
        self._shelf = Shelf(redis)
        self._sweep_slice = redis.register_script(lua.SWEEP)

    async def run(self) -> None:
        """Collect for ever; cancel to stop. Faults are counted and the next round tries again."""
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            try:
                await self._round()
            except (RedisError, OSError, TimeoutError) as error:
                self._on_error("collector")
                logger.warning("collector.failed error=%s", error)
            except Exception:
                self._on_error("collector")
                logger.exception("collector.failed_unexpectedly")

    async def collect(self, config: ActiveConfig | None) -> Collected:
        """One full round under `config`; without one, only what has expired is removed.

        Raises RedisError when Redis fails.
        """
        collected = Collected()
        tenants = sorted(await self._members(redis_names.TENANTS))
        for start in range(0, len(tenants), _NAMES):
            for books in await self._read_books(tenants[start : start + _NAMES]):
                collected += await self._clear_tenant(books, config)
        return collected

    async def _round(self) -> None:
        if not await self._take_lease():
            return
        try:
            # Shorter than the lease; what is left over is taken up by the next round.
            async with asyncio.timeout(_LONGEST_ROUND_SECONDS) as bound:
                if self._evictor is not None:
                    await self._evictor.relieve()
                config = await self._current()
                collected = await self.collect(config)
                if self._evictor is not None and config is not None:
                    await self._evictor.enforce(config)
        except TimeoutError:
            if not bound.expired():
                raise
            logger.info("collector.unfinished seconds=%d", _LONGEST_ROUND_SECONDS)
            return
        finally:
            await self._redis.delete(redis_names.COLLECTOR_LEASE)
        if collected.entries:
            logger.info(
                "collector.round entries=%d partitions=%d", collected.entries, collected.partitions
            )

    async def _take_lease(self) -> bool:
        try:
            lease = redis_names.COLLECTOR_LEASE
            return bool(await self._redis.set(lease, b"1", nx=True, ex=_LEASE_SECONDS))
        except OutOfMemoryError:
            # A full Redis takes no lease, and needs the round more than ever. If another runtime
            # evicts at the same time, a little more goes than had to.
            return self._evictor is not None

    async def _current(self) -> ActiveConfig | None:
        """The configuration in force, unless another is published, which may know tenants and
        document versions that it does not."""
        config = self._active()
        if config is None:
            return None
        pointer = cast("bytes | None", await self._redis.get(redis_names.SNAPSHOT_POINTER))
        same = pointer is None or pointer.startswith(b"%d:" % config.revision)
        return config if same else None

    async def _read_books(self, uids: Sequence[str]) -> list[_Books]:
        now = self._clock()
        async with self._redis.pipeline(transaction=False) as pipe:
            for uid in uids:
                pipe.smembers(redis_names.document_versions(uid))
                pipe.zcount(redis_names.partitions(uid), "-inf", now)
                pipe.hlen(redis_names.unfinished(uid))
            replies = await pipe.execute()
        return [
            _Books(
                uid,
                tuple(sorted(member.decode() for member in versions)),
                due=due,
                unfinished=unfinished,
                now=now,
            )
            for uid, versions, due, unfinished in zip(
                uids, replies[::3], replies[1::3], replies[2::3], strict=True
            )
        ]

    async def _clear_tenant(self, books: _Books, config: ActiveConfig | None) -> Collected:
        collected = Collected()
        if books.unfinished:
            collected += Collected(await self._dropper.finish_abandoned(books.uid))
        if config is not None:
            tenant = config.tenants.get(books.uid)
            if tenant is None and await self._redis.exists(redis_names.scratch(books.uid)):
                return collected
            current = {**tenant.versions, **tenant.generations} if tenant else _NO_VERSIONS
            collected += await self._clear_old_versions(books, current)
            if tenant is None:
                return collected + await self._clear_everything(books.uid)
        if books.due:
            collected += await self._clear_due(books)
        return collected

    async def _clear_everything(self, uid: str) -> Collected:
        """Remove what is left of a tenant that is no longer configured."""
        collected = Collected()
        partitions = redis_names.partitions(uid)
        while found := await self._redis.zrange(partitions, 0, _NAMES - 1):
            for name in cast("list[bytes]", found):
                collected += await self._clear(uid, name.decode(), bound=EVERYTHING)
        await self._redis.unlink(redis_names.used(uid), redis_names.used_complete(uid))
        await self._redis.srem(redis_names.TENANTS, uid)
        if await self._redis.exists(partitions):
            await self._redis.sadd(redis_names.TENANTS, uid)
        return collected

    async def _clear_old_versions(self, books: _Books, current: Mapping[str, int]) -> Collected:
        """Remove the partitions that rest on a version that is not `current`."""
        collected = Collected()
        versions = redis_names.document_versions(books.uid)
        for member in books.versions:
            name, _, version = member.rpartition("@")
            if str(current.get(name)) == version:
                continue
            resting = redis_names.document_partitions(books.uid, name, version)
            async for found in self._redis.sscan_iter(resting, count=_NAMES):
                partition = found.decode()
                cleared = await self._clear(books.uid, partition, bound=EVERYTHING)
                if cleared.partitions:
                    await self._redis.srem(resting, partition)
                collected += cleared
            await self._redis.srem(versions, member)
            if await self._redis.exists(resting):
                await self._redis.sadd(versions, member)
        return collected

    async def _clear_due(self, books: _Books) -> Collected:
        """Remove what had expired when the books were read."""
        collected = Collected()
        partitions = redis_names.partitions(books.uid)
        while found := await self._redis.zrangebyscore(
            partitions, "-inf", books.now, start=0, num=_NAMES
        ):
            for name in cast("list[bytes]", found):
                collected += await self._clear(books.uid, name.decode(), bound=books.now)
        return collected

    async def _clear(self, uid: str, partition: str, *, bound: float) -> Collected:
        """Sweep a partition, and forget it when that leaves it empty."""
        entries = await self._sweep(uid, partition, bound=bound)
        following = await self._shelf.next_expiry(uid, partition)
        if following is None:
            return Collected(entries, await self._shelf.retire(uid, partition))
        await self._shelf.schedule(uid, partition, due=following)
        return Collected(entries)

    async def _sweep(self, uid: str, partition: str, *, bound: float) -> int:
        names = [redis_names.expiries(uid, partition), redis_names.vectors(uid, partition)]
        arguments: list[str | float] = [bound, SLICE, redis_names.entry(uid, partition, "")]
        removed = 0
        while True:
            ids = cast("list[bytes]", await self._sweep_slice(keys=names, args=arguments))
            if ids:
                gone = [f"{partition}.{entry_id.decode()}" for entry_id in ids]
                await self._redis.zrem(redis_names.used(uid), *gone)
            removed += len(ids)
            await asyncio.sleep(PAUSE_SECONDS)
            if len(ids) < SLICE:
                return removed

    async def _members(self, name: str) -> list[str]:
        return [member.decode() async for member in self._redis.sscan_iter(name, count=_NAMES)]
