"""Takes entries out in slices small enough that Redis serves others in between."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import msgspec
from redis.asyncio import Redis

from routing import redis_names
from routing.store import lua
from routing.store.books import add_to_index, index_names, reference
from routing.types import Entry

SLICE = 10
"""Entries a script removes at once: 1 ms in which Redis serves nobody else, 2 where very many lie
in one partition."""

PAUSE_SECONDS = 0.002
EVERYTHING = float("inf")
_DECODER = msgspec.msgpack.Decoder(Entry)


@dataclass(frozen=True, slots=True)
class Slice:
    """What one step did: the entries taken out, and the ids of what was asked after the cut.

    `unreadable` were taken out too, and nobody can say what they held. `index_keys` are the keys
    that named nothing else and are gone with them.
    """

    removed: tuple[Entry, ...]
    unreadable: int
    kept: tuple[str, ...]
    index_keys: int = 0

    @property
    def count(self) -> int:
        """Entries that are gone."""
        return len(self.removed) + self.unreadable


class Remover:
    """Removes entries that were asked before a cut. Methods raise what the client raises."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._remove = redis.register_script(lua.REMOVE)

    async def remove(
        self, tenant: str, partition: str, ids: Sequence[str], *, before: float
    ) -> Slice:
        """Remove those entries `ids` (at most `SLICE`) that were asked `before` (epoch seconds),
        and take them out of every index that they name."""
        keys = [redis_names.expiries(tenant, partition), redis_names.vectors(tenant, partition)]
        prefix = redis_names.entry(tenant, partition, "")
        replies = await self._remove(keys=keys, args=[prefix, repr(before), *ids])
        removed: list[Entry] = []
        unreadable = 0
        kept: list[str] = []
        for entry_id, reply in zip(ids, cast("list[list[bytes] | None]", replies), strict=True):
            if reply is None:
                kept.append(entry_id)
            elif reply:
                try:
                    removed.append(_DECODER.decode(reply[0]))
                except msgspec.MsgspecError:
                    unreadable += 1
        if removed or unreadable:
            names = [f"{partition}.{entry_id}" for entry_id in ids if entry_id not in kept]
            await self._redis.zrem(redis_names.used(tenant), *names)
        gone = await self._take_out_of_indexes(removed)
        return Slice(tuple(removed), unreadable, tuple(kept), gone)

    async def remove_named(self, tenant: str, index: str, *, before: float) -> AsyncIterator[Slice]:
        """Remove what the tag or user `index` names, slice by slice."""
        passed = 0
        while members := await self._redis.zrange(index, passed, passed + SLICE - 1):
            names = [member.decode() for member in cast("list[bytes]", members)]
            for partition, ids in by_partition(names).items():
                done = await self.remove(tenant, partition, ids, before=before)
                passed += len(done.kept)
                gone = [f"{partition}.{item}" for item in ids if item not in done.kept]
                emptied = await self._take_out(tenant, {index: gone})
                yield replace(done, index_keys=done.index_keys + emptied)
            await asyncio.sleep(0)

    async def remove_partition(
        self, tenant: str, partition: str, *, before: float
    ) -> AsyncIterator[Slice]:
        """Remove what a partition holds, slice by slice."""
        expiries, passed = redis_names.expiries(tenant, partition), 0
        while members := await self._redis.zrange(expiries, passed, passed + SLICE - 1):
            ids = [member.decode() for member in cast("list[bytes]", members)]
            done = await self.remove(tenant, partition, ids, before=before)
            passed += len(done.kept)
            yield done
            await asyncio.sleep(PAUSE_SECONDS)

    async def _take_out_of_indexes(self, entries: Iterable[Entry]) -> int:
        indexes: defaultdict[str, list[str]] = defaultdict(list)
        tenant = ""
        for entry in entries:
            tenant = entry.tenant
            for name in index_names(entry):
                indexes[name].append(reference(entry))
        return await self._take_out(tenant, indexes)

    async def _take_out(self, tenant: str, indexes: Mapping[str, list[str]]) -> int:
        """Take the members out of each index; the number of indexes that are gone then."""
        indexes = {name: members for name, members in indexes.items() if members}
        if not indexes:
            return 0
        async with self._redis.pipeline(transaction=False) as pipe:
            for name, members in indexes.items():
                pipe.zrem(name, *members)
                pipe.exists(name)
            replies = cast("list[int]", await pipe.execute())
            # An entry stored again meanwhile was entered before it was written, and has lost that
            # just now. One that is written from here on looks itself up and enters itself again.
            for members in indexes.values():
                for member in members:
                    pipe.expiretime(_entry_name(tenant, member))
            expiries = iter(cast("list[int]", await pipe.execute()))
            for name, members in indexes.items():
                for member in members:
                    if (until := next(expiries)) > 0:
                        add_to_index(pipe, name, member, until=until)
            await pipe.execute()
        taken_out, left = replies[::2], replies[1::2]
        return sum(1 for out, there in zip(taken_out, left, strict=True) if out and not there)


def by_partition(references: Iterable[str]) -> dict[str, list[str]]:
    """``<partition>.<entry>`` names, sorted by partition."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in references:
        partition, _, entry_id = name.partition(".")
        found[partition].append(entry_id)
    return dict(found)


def _entry_name(tenant: str, member: str) -> str:
    partition, _, entry_id = member.partition(".")
    return redis_names.entry(tenant, partition, entry_id)
