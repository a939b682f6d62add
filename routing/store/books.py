"""A tenant's books: by what name partitions and entries are found when they must go.

Other hash slots than the entries themselves, so an entry and its place in the books cannot be
written in one step. It is entered first and looked for again after it was written, so that nothing
is ever kept that the collector, an erasure or an eviction cannot find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from redis.asyncio import Redis

from routing import redis_names
from routing.types import Entry

CUT_SECONDS = 3_600
"""How long a cut is remembered: no call that was asked before it is then still under way."""


def reference(entry: Entry) -> str:
    """The entry's name within its tenant: ``<partition>.<entry>``."""
    return f"{entry.partition}.{entry.entry_id}"


def kept_until(entry: Entry) -> int:
    """When Redis forgets `entry` (epoch seconds)."""
    return entry.expires + entry.grace_seconds


def index_names(entry: Entry) -> tuple[str, ...]:
    """Keys of the tag and user indexes that name `entry`."""
    users = dict.fromkeys(user for user in (entry.asked_by, entry.user) if user)
    return (
        *(redis_names.tagged(entry.tenant, tag) for tag in entry.tags),
        *(redis_names.asked_by(entry.tenant, user) for user in users),
    )


def cut_names(entry: Entry) -> tuple[str, ...]:
    """Keys of the cuts that could forbid to store `entry`."""
    users = dict.fromkeys(user for user in (entry.asked_by, entry.user) if user)
    what = (
        "tenant",
        f"policy:{entry.policy}",
        f"entry:{reference(entry)}",
        *(f"tag:{tag}" for tag in entry.tags),
        *(f"user:{redis_names.user_digest(user)}" for user in users),
    )
    return tuple(redis_names.cut(entry.tenant, item) for item in what)


def add_to_index(pipe: Any, name: str, member: str, *, until: int) -> None:
    """Have the index `name` its `member` until then (epoch seconds), and live as long at least."""
    pipe.zadd(name, {member: until})
    pipe.expireat(name, until, nx=True)
    pipe.expireat(name, until, gt=True)


class Books:
    """Enters what is about to be stored. Methods raise what the client raises."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def enter(self, entry: Entry, *, rests_on: Mapping[str, str], asked_at: float) -> bool:
        """Enter `entry` and its partition; False when a cut forbids to store what was asked then.

        A refused entry stays in the indexes until it would have expired, naming nothing.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            add_partition(pipe, entry, rests_on)
            for name in index_names(entry):
                add_to_index(pipe, name, reference(entry), until=kept_until(entry))
                pipe.zremrangebyscore(name, "-inf", entry.created - 1)
            for name in cut_names(entry):
                pipe.get(name)
            replies = await pipe.execute()
        return not _is_cut(replies[-len(cut_names(entry)) :], asked_at)

    async def confirm(self, entry: Entry, *, rests_on: Mapping[str, str], asked_at: float) -> bool:
        """Look for `entry`, now written, again; False when a cut was made meanwhile.

        Enters it again when the collector took its partition for empty, or an erasure that was
        under way took its name out of an index, before it was written.
        """
        names = index_names(entry)
        async with self._redis.pipeline(transaction=False) as pipe:
            partition = {entry.partition: kept_until(entry)}
            pipe.zadd(redis_names.partitions(entry.tenant), partition, lt=True)
            for name in names:
                pipe.zadd(name, {reference(entry): kept_until(entry)})
            for name in cut_names(entry):
                pipe.get(name)
            replies = await pipe.execute()
        added, cuts = replies[: len(names) + 1], replies[len(names) + 1 :]
        if any(added):
            return await self.enter(entry, rests_on=rests_on, asked_at=asked_at)
        return not _is_cut(cuts, asked_at)


def add_partition(pipe: Any, entry: Entry, rests_on: Mapping[str, str]) -> None:
    """Have the books know the partition of `entry` and what it rests on."""
    tenant, partition = entry.tenant, entry.partition
    pipe.sadd(redis_names.TENANTS, tenant)
    for name, version in rests_on.items():
        pipe.sadd(redis_names.document_versions(tenant), f"{name}@{version}")
        pipe.sadd(redis_names.document_partitions(tenant, name, version), partition)
    if rests_on:
        pipe.hset(redis_names.partition_documents(tenant, partition), mapping=dict(rests_on))
    pipe.zadd(redis_names.partitions(tenant), {partition: kept_until(entry)}, lt=True)


def _is_cut(cuts: Sequence[object], asked_at: float) -> bool:
    return any(asked_at < float(cast("bytes", cut)) for cut in cuts if cut is not None)
