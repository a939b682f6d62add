"""What the control plane may ask of the stored answers: how many there are, what a change would
retire, and to erase some of them and prove it.

Every function takes an asyncio client of the Redis that the runtimes use and raises what it raises.
An erasure first makes a cut, so that what is under way is not stored any more, then removes what
the indexes name, and at last walks the entries themselves to see whether anything is left. Its
clock and the runtimes' must agree: what was asked before the cut is known by their time.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import msgspec
from redis.asyncio import Redis

from routing import redis_names
from routing.active import TENANT, activate, policy_name
from routing.snapshot import Snapshot
from routing.store.books import CUT_SECONDS
from routing.store.collector import Collected, Collector
from routing.store.memory import Memory, read_memory
from routing.store.removal import SLICE, Remover, Slice, by_partition
from routing.store.scan import scan_entries
from routing.store.shelf import Shelf
from routing.store.size import Size, measure
from routing.types import Entry

_DECODER = msgspec.msgpack.Decoder(Entry)
_MAX_PARTITIONS = 10_000
_PREVIEWED_PARTITIONS = 2_000
_PAGE = 200
_LOOKS = 3
"""How often an erasure takes away what a look at the entries has still found."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` entries; None when the total is not known. `verifying`: the removal is
    over, and entries are being looked through."""

    done: int
    total: int | None
    verifying: bool = False


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure did: `entries` and `index_keys` removed, and the entries that a walk through
    the tenant's data still found (`residual`, which should be 0).

    What was asked after `asked_at` is not meant by it. An entry that nobody can read is removed
    with the rest, since nobody can say whose it is.
    """

    what: str
    asked_at: datetime
    entries: int
    index_keys: int
    residual: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would retire; at least so many `entries` when not `exact`."""

    partitions: int
    entries: int
    exact: bool


async def preview_document(redis: Redis, *, tenant: str, document: str, version: int) -> Preview:
    """What raising `document` above `version` retires."""
    return await _preview(redis, tenant, f"{document}@{version}")


async def preview_policy(redis: Redis, *, tenant: str, policy: str, generation: int) -> Preview:
    """What raising the generation of the policy with the uid `policy` retires."""
    return await _preview(redis, tenant, f"{policy_name(policy)}@{generation}")


async def preview_tenant(redis: Redis, *, tenant: str, generation: int) -> Preview:
    """What raising the tenant's generation retires."""
    return await _preview(redis, tenant, f"{TENANT}@{generation}")


async def preview_tag(redis: Redis, *, tenant: str, tag: str) -> int:
    """How many entries carry `tag`."""
    return await _named(redis, redis_names.tagged(tenant, tag))


async def preview_user(redis: Redis, *, tenant: str, user: str) -> int:
    """How many entries `user` caused or is alone served."""
    return await _named(redis, redis_names.asked_by(tenant, user))


async def usage(redis: Redis, *, tenant: str) -> Size:
    """How much `tenant` keeps; bytes are estimated from up to 100 entries."""
    return await measure(redis, tenant, max_partitions=_MAX_PARTITIONS)


async def memory(redis: Redis) -> Memory:
    """How full Redis is."""
    return await read_memory(redis)


async def hottest(redis: Redis, *, tenant: str, count: int) -> tuple[Entry, ...]:
    """Up to `count` entries, those first that are most used.

    Where no limit asks to keep account of that, those that live longest come first.
    """
    members = cast("list[bytes]", await redis.zrevrange(redis_names.used(tenant), 0, count - 1))
    names = [member.decode() for member in members] or await _longest_lived(redis, tenant, count)
    found: list[Entry] = []
    for start in range(0, len(names), _PAGE):
        async with redis.pipeline(transaction=False) as pipe:
            for partition, _, entry_id in (
                name.partition(".") for name in names[start : start + _PAGE]
            ):
                pipe.hget(redis_names.entry(tenant, partition, entry_id), "e")
            for blob in await pipe.execute():
                if blob and (entry := _decode(blob)):
                    found.append(entry)
    return tuple(found)


async def compact(redis: Redis, *, snapshot: Snapshot) -> Collected:
    """One round of the collector under `snapshot`, however long it takes."""
    config = activate(snapshot)
    collector = Collector(redis, active=lambda: config, on_error=lambda _stage: None)
    return await collector.collect(config)


async def erase_entry(
    redis: Redis, *, tenant: str, entry: str, on_progress: OnProgress | None = None
) -> Receipt:
    """Erase one entry, named ``<partition>.<entry>``."""
    partition, _, entry_id = entry.partition(".")

    async def slices(before: float) -> AsyncIterator[Slice]:
        yield await Remover(redis).remove(tenant, partition, [entry_id], before=before)

    erasure = _Erasure(redis, tenant, f"entry:{entry}", on_progress)
    return await erasure.carry_out(
        slices, lambda item: (item.partition, item.entry_id) == (partition, entry_id), total=1
    )


async def erase_tag(
    redis: Redis, *, tenant: str, tag: str, on_progress: OnProgress | None = None
) -> Receipt:
    """Erase every entry that carries `tag`."""
    index = redis_names.tagged(tenant, tag)
    erasure = _Erasure(redis, tenant, f"tag:{tag}", on_progress)
    return await erasure.carry_out(
        lambda before: Remover(redis).remove_named(tenant, index, before=before),
        lambda item: tag in item.tags,
        total=await _named(redis, index),
    )


async def erase_user(
    redis: Redis, *, tenant: str, user: str, on_progress: OnProgress | None = None
) -> Receipt:
    """Erase every entry that `user` caused or is alone served. The receipt names his digest."""
    index = redis_names.asked_by(tenant, user)
    what = f"user:{redis_names.user_digest(user)}"
    return await _Erasure(redis, tenant, what, on_progress).carry_out(
        lambda before: Remover(redis).remove_named(tenant, index, before=before),
        lambda item: user in (item.asked_by, item.user),
        total=await _named(redis, index),
    )


async def erase_policy(
    redis: Redis, *, tenant: str, policy: str, on_progress: OnProgress | None = None
) -> Receipt:
    """Erase every entry of the policy with the uid `policy`, whatever its generation.

    Raise the generation first: from then on they cannot be found, and this only takes them away.
    """
    names = f"{policy_name(policy)}@"
    versions = cast("set[bytes]", await redis.smembers(redis_names.document_versions(tenant)))
    resting = [
        redis_names.document_partitions(tenant, name, version)
        for name, _, version in (member.decode().rpartition("@") for member in versions)
        if f"{name}@" == names
    ]
    partitions = [
        partition.decode()
        for name in resting
        for partition in cast("set[bytes]", await redis.smembers(name))
    ]
    erasure = _Erasure(redis, tenant, f"policy:{policy}", on_progress)
    return await erasure.carry_out(
        lambda before: _clear_partitions(redis, tenant, partitions, before=before),
        lambda item: item.policy == policy,
        total=await _entries_in(redis, tenant, partitions),
    )


async def erase_tenant(
    redis: Redis, *, tenant: str, on_progress: OnProgress | None = None
) -> Receipt:
    """Erase every entry of `tenant`; raise its generation first, or delete it."""
    name = redis_names.partitions(tenant)
    partitions = [item.decode() for item in cast("list[bytes]", await redis.zrange(name, 0, -1))]
    erasure = _Erasure(redis, tenant, "tenant", on_progress)
    return await erasure.carry_out(
        lambda before: _clear_partitions(redis, tenant, partitions, before=before),
        lambda _item: True,
        total=await _entries_in(redis, tenant, partitions),
    )


class _Erasure:
    """One erasure: its cut, its removal, its proof."""

    def __init__(
        self, redis: Redis, tenant: str, what: str, on_progress: OnProgress | None
    ) -> None:
        self._redis = redis
        self._tenant = tenant
        self._what = what
        self._tell = on_progress or (lambda _progress: None)

    async def carry_out(
        self,
        slices: Callable[[float], AsyncIterator[Slice]],
        is_meant: Callable[[Entry], bool],
        *,
        total: int | None,
    ) -> Receipt:
        """Remove what `slices` gives, and whatever else `is_meant`."""
        started, before = time.monotonic(), time.time()
        asked_at = datetime.fromtimestamp(before, UTC)
        cut = redis_names.cut(self._tenant, self._what)
        await self._redis.set(cut, repr(before), ex=CUT_SECONDS)
        entries = index_keys = 0
        async for done in slices(before):
            entries += done.count
            index_keys += done.index_keys
            self._tell(Progress(entries, total))
        left = await self._look(is_meant, before=before)
        for _ in range(_LOOKS):
            if not left:
                break
            for done in await self._remove(left, before=before):
                entries += done.count
                index_keys += done.index_keys
            left = await self._look(is_meant, before=before)
        return Receipt(
            what=self._what,
            asked_at=asked_at,
            entries=entries,
            index_keys=index_keys,
            residual=len(left),
            seconds=time.monotonic() - started,
        )

    async def _look(self, is_meant: Callable[[Entry], bool], *, before: float) -> list[str]:
        """Walk through all entries of the tenant for those that should be gone."""
        left: list[str] = []
        looked = 0
        async for page in scan_entries(self._redis, self._tenant):
            looked += len(page)
            left += [
                f"{found.partition}.{found.entry_id}"
                for found in page
                if found.asked_at < before and (found.entry is None or is_meant(found.entry))
            ]
            # Also when the page was empty: whoever listens must not take this for dead.
            self._tell(Progress(looked, None, verifying=True))
        return left

    async def _remove(self, names: Sequence[str], *, before: float) -> list[Slice]:
        remover = Remover(self._redis)
        return [
            await remover.remove(self._tenant, partition, ids[start : start + SLICE], before=before)
            for partition, ids in by_partition(names).items()
            for start in range(0, len(ids), SLICE)
        ]


async def _clear_partitions(
    redis: Redis, tenant: str, partitions: Sequence[str], *, before: float
) -> AsyncIterator[Slice]:
    """Remove what `partitions` hold, and retire those that are empty then."""
    remover, shelf = Remover(redis), Shelf(redis)
    for partition in partitions:
        names = (
            redis_names.expiries(tenant, partition),
            redis_names.vectors(tenant, partition),
            redis_names.partition_documents(tenant, partition),
        )
        there = await redis.exists(*names)
        async for done in remover.remove_partition(tenant, partition, before=before):
            yield done
        if await shelf.next_expiry(tenant, partition) is None:
            await shelf.retire(tenant, partition)
        yield Slice((), 0, (), max(0, there - await redis.exists(*names)))
    await shelf.forget_versions(tenant)


async def _preview(redis: Redis, tenant: str, member: str) -> Preview:
    name, _, version = member.rpartition("@")
    resting = redis_names.document_partitions(tenant, name, version)
    partitions = await redis.scard(resting)
    counted: list[str] = []
    async for partition in redis.sscan_iter(resting, count=_PAGE):
        counted.append(partition.decode())
        if len(counted) >= _PREVIEWED_PARTITIONS:
            break
    entries = await _entries_in(redis, tenant, counted)
    return Preview(partitions=partitions, entries=entries, exact=len(counted) >= partitions)


async def _entries_in(redis: Redis, tenant: str, partitions: Sequence[str]) -> int:
    now, entries = time.time(), 0
    for start in range(0, len(partitions), _PAGE):
        async with redis.pipeline(transaction=False) as pipe:
            for partition in partitions[start : start + _PAGE]:
                pipe.zcount(redis_names.expiries(tenant, partition), now, "+inf")
            entries += sum(await pipe.execute())
    return entries


async def _named(redis: Redis, index: str) -> int:
    return await redis.zcount(index, time.time(), "+inf")


async def _longest_lived(redis: Redis, tenant: str, count: int) -> list[str]:
    names: list[str] = []
    partitions = await redis.zrevrange(redis_names.partitions(tenant), 0, count - 1)
    for partition in (item.decode() for item in cast("list[bytes]", partitions)):
        expiries = redis_names.expiries(tenant, partition)
        ids = cast("list[bytes]", await redis.zrevrange(expiries, 0, count - len(names) - 1))
        names += [f"{partition}.{entry_id.decode()}" for entry_id in ids]
        if len(names) >= count:
            break
    return names


def _decode(blob: bytes) -> Entry | None:
    try:
        return _DECODER.decode(blob)
    except msgspec.MsgspecError:
        return None
