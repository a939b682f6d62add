"""Entries in Redis: one hash an answer, one vector set a partition.

Redis expires the hash at its absolute time. A vector set knows no expiry of its elements, so the
partition also keeps a sorted set of expiry times, which the collector reads; until it has, a vector
without its entry is passed over and removed on sight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing import redis_names
from routing.errors import CacheUnavailable, EntryUnreadable
from routing.store import lua
from routing.store.batch import BatchedReader
from routing.store.patience import within
from routing.types import Entry

_SEARCH_EFFORT = 200
_EXACT_SHARE = 0.5
_WARM_SECONDS = 1.0
_ENTRY_DECODER = msgspec.msgpack.Decoder(Entry)
_ENTRY_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored entry and its exact cosine similarity (1 = same direction) to what was asked."""

    entry: Entry
    similarity: float


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest entries, best first, and the ids of vectors whose entry has gone."""

    candidates: tuple[Candidate, ...]
    orphans: tuple[str, ...]


class EntryStore:
    """Reads and writes entries. Every method raises CacheUnavailable when Redis does not answer.

    `fast` serves calls: of `budget_seconds`, which Redis may add to one call, the exact look-up
    gets one half and the semantic one the other. `patient` serves work that no call waits for, and
    has time-outs of its own.
    """

    def __init__(self, *, fast: Redis, patient: Redis, budget_seconds: float) -> None:
        self._fast = fast
        self._patient = patient
        self._exact = BatchedReader(fast, seconds=budget_seconds * _EXACT_SHARE)
        self._nearest = fast.register_script(lua.NEAREST)
        self._forget = patient.register_script(lua.FORGET)
        self._nearest_seconds = budget_seconds * (1 - _EXACT_SHARE)

    async def warm(self) -> None:
        """Connect and load the script, so that the first call does not pay for it."""
        try:
            await within(_WARM_SECONDS, self._load_script())
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("warm", str(error)) from error

    async def get(self, *, tenant: str, partition: str, entry_id: str) -> Entry | None:
        """The entry stored for exactly this query; None when there is none."""
        name = redis_names.entry(tenant, partition, entry_id)
        try:
            blob = await self._exact.hget(name, "e")
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("exact", str(error)) from error
        return _decode_entry(blob, stage="exact")

    async def nearest(
        self, *, tenant: str, partition: str, vector: NDArray[np.float32], count: int
    ) -> Nearest:
        """The `count` entries most similar to `vector` (float32, L2-normalised).

        Redis ranks quantised vectors by (1 + cosine) / 2; similarity here is the exact cosine of
        the full vectors kept in the entries.
        """
        name = redis_names.vectors(tenant, partition)
        prefix = redis_names.entry(tenant, partition, "")
        try:
            search = self._nearest(
                keys=[name], args=[vector.tobytes(), count, _SEARCH_EFFORT, prefix]
            )
            rows = await within(self._nearest_seconds, search)
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("semantic", str(error)) from error
        return _rank(cast("Sequence[tuple[bytes, bytes | None, bytes | None]]", rows), vector)

    async def put(self, entry: Entry, *, tenant: str, vector: bytes | None) -> None:
        """Keep `entry` until its expiry, and its vector (float32 bytes) when it has one."""
        name = redis_names.entry(tenant, entry.partition, entry.entry_id)
        vectors = redis_names.vectors(tenant, entry.partition)
        expiries = redis_names.expiries(tenant, entry.partition)
        try:
            # First, so that nothing is ever written that the collector does not know of.
            await self._register(entry, tenant=tenant)
            async with self._patient.pipeline(transaction=True) as pipe:
                pipe.delete(name)
                pipe.hset(name, "e", _ENTRY_ENCODER.encode(entry))
                pipe.expireat(name, entry.expires)
                pipe.zadd(expiries, {entry.entry_id: entry.expires})
                if vector is not None:
                    pipe.hset(name, "v", vector)
                    pipe.execute_command("VADD", vectors, "FP32", vector, entry.entry_id, "Q8")
                await pipe.execute()
            await self._confirm(entry, tenant=tenant)
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("store", str(error)) from error

    async def forget_vectors(self, *, tenant: str, partition: str, ids: Sequence[str]) -> None:
        """Remove those of the vectors `ids` whose entry has none. Costs Redis 0.1 ms each."""
        names = [
            redis_names.vectors(tenant, partition),
            redis_names.expiries(tenant, partition),
        ]
        try:
            await self._forget(keys=names, args=[redis_names.entry(tenant, partition, ""), *ids])
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("forget", str(error)) from error

    async def _load_script(self) -> None:
        await self._fast.script_load(lua.NEAREST)

    async def _register(self, entry: Entry, *, tenant: str) -> None:
        """Enter the partition in the collector's books, due when its first entry expires.

        Other hash slots, so not in the transaction that writes the entry.
        """
        async with self._patient.pipeline(transaction=False) as pipe:
            pipe.sadd(redis_names.TENANTS, tenant)
            kept = redis_names.partition_documents(tenant, entry.partition)
            for document, version in entry.documents.items():
                pipe.sadd(redis_names.document_versions(tenant), f"{document}@{version}")
                resting = redis_names.document_partitions(tenant, document, version)
                pipe.sadd(resting, entry.partition)
                pipe.hset(kept, document, version)
            pipe.zadd(redis_names.partitions(tenant), {entry.partition: entry.expires}, lt=True)
            await pipe.execute()

    async def _confirm(self, entry: Entry, *, tenant: str) -> None:
        """Register again if the collector took the partition for empty before it was written."""
        partitions = redis_names.partitions(tenant)
        if await self._patient.zadd(partitions, {entry.partition: entry.expires}, lt=True):
            await self._register(entry, tenant=tenant)


def _rank(
    rows: Sequence[tuple[bytes, bytes | None, bytes | None]], vector: NDArray[np.float32]
) -> Nearest:
    candidates: list[Candidate] = []
    orphans: list[str] = []
    for entry_id, blob, kept in rows:
        entry = _decode_entry(blob, stage="semantic")
        similarity = _cosine(kept, vector)
        if entry is None or similarity is None:
            orphans.append(entry_id.decode())
        else:
            candidates.append(Candidate(entry=entry, similarity=similarity))
    candidates.sort(key=lambda candidate: -candidate.similarity)
    return Nearest(candidates=tuple(candidates), orphans=tuple(orphans))


def _cosine(kept: bytes | None, vector: NDArray[np.float32]) -> float | None:
    """Cosine of two unit vectors; None for a stored one that is absent or damaged.

    A damaged vector must not be compared: NaN is neither below nor above any threshold.
    """
    if kept is None or len(kept) != vector.nbytes:
        return None
    similarity = float(np.dot(np.frombuffer(kept, dtype=np.float32), vector))
    return min(1.0, similarity) if math.isfinite(similarity) else None


def _decode_entry(blob: bytes | None, *, stage: str) -> Entry | None:
    if blob is None:
        return None
    try:
        return _ENTRY_DECODER.decode(blob)
    except msgspec.MsgspecError as error:
        raise EntryUnreadable(stage, f"unreadable entry: {error}") from error
