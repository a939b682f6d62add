"""How much a tenant keeps. Entries are counted, bytes are estimated from a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from routing import redis_names

_SAMPLED_PARTITIONS = 25
_SAMPLED_ENTRIES = 4
_PARTITIONS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Size:
    """`entries` in `partitions`, and the `bytes` they take by the mean of `sampled` entries.

    `exact` is False when there were so many partitions that the count, too, is projected.
    """

    entries: int
    partitions: int
    bytes: int
    sampled: int
    exact: bool = True


async def measure(redis: Redis, tenant: str, *, max_partitions: int) -> Size:
    """What `tenant` keeps, from the counts of at most `max_partitions`.

    Expired entries count until the collector has been there. Raises what the client raises.
    """
    name = redis_names.partitions(tenant)
    partitions = await redis.zcard(name)
    counted, entries = min(partitions, max_partitions), 0
    for start in range(0, counted, _PARTITIONS_AT_ONCE):
        stop = min(start + _PARTITIONS_AT_ONCE, counted) - 1
        page = cast("list[bytes]", await redis.zrange(name, start, stop))
        entries += sum(await _cards(redis, tenant, page))
    if counted < partitions:
        entries = entries * partitions // max(counted, 1)
    mean, sampled = await mean_entry_bytes(redis, tenant)
    return Size(
        entries=entries,
        partitions=partitions,
        bytes=round(mean * entries),
        sampled=sampled,
        exact=counted == partitions,
    )


async def mean_entry_bytes(redis: Redis, tenant: str) -> tuple[float, int]:
    """Mean bytes of an entry with its share of its partition's keys, and the size of the sample.

    Raises what the client raises.
    """
    name = redis_names.partitions(tenant)
    partitions = cast("list[bytes]", await redis.zrandmember(name, _SAMPLED_PARTITIONS) or [])
    total, sampled = 0.0, 0
    for partition in (item.decode() for item in partitions):
        expiries = redis_names.expiries(tenant, partition)
        async with redis.pipeline(transaction=False) as pipe:
            pipe.zcard(expiries)
            pipe.memory_usage(expiries)
            pipe.memory_usage(redis_names.vectors(tenant, partition))
            pipe.zrandmember(expiries, _SAMPLED_ENTRIES)
            count, books, vectors, ids = await pipe.execute()
            for entry_id in ids:
                pipe.memory_usage(redis_names.entry(tenant, partition, entry_id.decode()))
            sizes = [size for size in await pipe.execute() if size]
        total += sum(sizes) + len(sizes) * ((books or 0) + (vectors or 0)) / max(count, 1)
        sampled += len(sizes)
    return (total / sampled if sampled else 0.0), sampled


async def _cards(redis: Redis, tenant: str, partitions: Sequence[bytes]) -> list[int]:
    async with redis.pipeline(transaction=False) as pipe:
        for partition in partitions:
            pipe.zcard(redis_names.expiries(tenant, partition.decode()))
        return cast("list[int]", await pipe.execute())
