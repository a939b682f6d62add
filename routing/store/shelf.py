"""A tenant's partitions in the books: when each is due, and how an empty one leaves."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from routing import redis_names


class Shelf:
    """Schedules and retires partitions. Methods raise what the client raises."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def next_expiry(self, uid: str, partition: str) -> float | None:
        """When Redis forgets the next entry of a partition; None when it is empty."""
        expiries = redis_names.expiries(uid, partition)
        first = await self._redis.zrange(expiries, 0, 0, withscores=True)
        return cast("list[tuple[bytes, float]]", first)[0][1] if first else None

    async def schedule(self, uid: str, partition: str, *, due: float) -> None:
        """Have the collector visit a partition at `due` (epoch seconds) or before."""
        partitions = redis_names.partitions(uid)
        await self._redis.zadd(partitions, {partition: due})
        # A store may have come in between with an earlier expiry, and been overwritten here.
        if (earlier := await self.next_expiry(uid, partition)) is not None:
            await self._redis.zadd(partitions, {partition: earlier}, lt=True)

    async def retire(self, uid: str, partition: str) -> int:
        """Take an empty partition out of the books; 0 when a store came in between."""
        kept = redis_names.partition_documents(uid, partition)
        found = cast("dict[bytes, bytes]", await self._redis.hgetall(kept))
        documents = {slug.decode(): version.decode() for slug, version in found.items()}
        resting = [
            redis_names.document_partitions(uid, slug, version)
            for slug, version in documents.items()
        ]
        for name in resting:
            await self._redis.srem(name, partition)
        if documents:
            await self._redis.delete(kept)
        await self._redis.zrem(redis_names.partitions(uid), partition)
        # Last, because a store looks itself up here after writing and, when it does not find
        # itself, registers again. One that looked before is found now.
        due = await self.next_expiry(uid, partition)
        if due is None:
            return 1
        for name in resting:
            await self._redis.sadd(name, partition)
        for slug, version in documents.items():
            await self._redis.hset(kept, slug, version)
        await self.schedule(uid, partition, due=due)
        return 0

    async def forget_versions(self, uid: str) -> int:
        """Strike out the versions that no partition rests on any more; returns how many."""
        versions = redis_names.document_versions(uid)
        struck = 0
        for member in cast("set[bytes]", await self._redis.smembers(versions)):
            name, _, version = member.decode().rpartition("@")
            resting = redis_names.document_partitions(uid, name, version)
            if await self._redis.exists(resting):
                continue
            await self._redis.srem(versions, member)
            # A store may have come in between.
            if await self._redis.exists(resting):
                await self._redis.sadd(versions, member)
            else:
                struck += 1
        return struck
