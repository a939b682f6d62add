"""Entries in Redis: one hash an answer, one vector set a partition.

Redis expires the hash at its absolute time. A vector set knows no expiry of its elements, so the
partition also keeps a sorted set of expiry times, which the collector reads; until it has, a vector
without its entry is passed over and removed on sight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing import redis_names
from routing.errors import CacheUnavailable, EntryUnreadable
from routing.store import lua
from routing.store.batch import BatchedReader
from routing.store.books import Books, kept_until, reference
from routing.store.patience import EXACT_SHARE, NEAREST_SHARE, within
from routing.store.removal import Remover
from routing.store.served import ServedLog
from routing.types import Entry

_SEARCH_EFFORT = 200
_NEIGHBOUR_SECONDS = 1.0
_WARM_SECONDS = 1.0
_ENTRY_DECODER = msgspec.msgpack.Decoder(Entry)
_ENTRY_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored entry and its exact cosine similarity (1 = same direction) to what was asked."""

    entry: Entry
    similarity: float


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored entry, its similarity to what was asked, and the vector of its answer (float16,
    L2-normalised) where it has one."""

    entry: Entry
    similarity: float
    answer_vector: NDArray[np.float16] | None


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest entries, best first, and the ids of vectors whose entry has gone."""

    candidates: tuple[Candidate, ...]
    orphans: tuple[str, ...]


class EntryStore:
    """Reads and writes entries. Every method raises CacheUnavailable when Redis does not answer.

    `fast` serves calls: of `budget_seconds`, which Redis may add to one call, the exact look-up
    and the semantic one get their shares. `patient` serves work that no call waits for, and
    has time-outs of its own. `served` keeps account of what is used, where a limit asks for it.
    """

    def __init__(
        self, *, fast: Redis, patient: Redis, budget_seconds: float, served: ServedLog | None = None
    ) -> None:
        self._fast = fast
        self._patient = patient
        self._served = served
        self._books = Books(patient)
        self._remover = Remover(patient)
        self._exact = BatchedReader(fast, seconds=budget_seconds * EXACT_SHARE)
        self._nearest = fast.register_script(lua.NEAREST)
        self._neighbours = patient.register_script(lua.NEAREST)
        self._forget = patient.register_script(lua.FORGET)
        self._nearest_seconds = budget_seconds * NEAREST_SHARE
        self._probe_seconds = budget_seconds * min(EXACT_SHARE, NEAREST_SHARE)

    async def warm(self) -> None:
        """Connect and load the script, so that the first call does not pay for it."""
        try:
            await within(_WARM_SECONDS, self._load_script())
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("warm", str(error)) from error

    async def probe(self) -> None:
        """Whether calls would get their answers in time, were they to ask again.

        A Redis that answers, but later than a call may wait, is no use to any.
        """
        await self.warm()
        try:
            await within(self._probe_seconds, self._ping())
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("probe", str(error)) from error

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
                keys=[name], args=[vector.tobytes(), count, _SEARCH_EFFORT, prefix, "e", "v"]
            )
            rows = await within(self._nearest_seconds, search)
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("semantic", str(error)) from error
        return _rank(cast("Sequence[tuple[bytes, bytes | None, bytes | None]]", rows), vector)

    async def neighbours(
        self, *, tenant: str, partition: str, vector: NDArray[np.float32], count: int
    ) -> tuple[Stored, ...]:
        """As `nearest`, best first, with the answers' vectors; for work that no call waits for."""
        name = redis_names.vectors(tenant, partition)
        prefix = redis_names.entry(tenant, partition, "")
        try:
            search = self._neighbours(
                keys=[name], args=[vector.tobytes(), count, _SEARCH_EFFORT, prefix, "e", "v", "a"]
            )
            rows = await within(_NEIGHBOUR_SECONDS, search)
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("neighbours", str(error)) from error
        found = (_stored(row, vector) for row in cast("Sequence[Sequence[bytes | None]]", rows))
        return tuple(sorted(filter(None, found), key=lambda item: -item.similarity))

    async def put(
        self,
        entry: Entry,
        *,
        vector: bytes | None,
        rests_on: Mapping[str, str],
        asked_at: float,
        answer_vector: bytes | None = None,
    ) -> bool:
        """Keep `entry`, or the one in its place that was asked later, until expiry and grace; False
        when it was invalidated meanwhile.

        `vector` is the question's (float32 bytes), `answer_vector` the answer's (float16 bytes).
        `rests_on` maps documents and generations to the version without which the entry cannot be
        reached. What was asked (`asked_at`, epoch seconds) before its tag, user, policy or itself
        was erased is not kept: it would bring the old answer back.
        """
        try:
            # First, so that nothing is ever written that nobody finds again.
            if not await self._books.enter(entry, rests_on=rests_on, asked_at=asked_at):
                return False
            await self._write(entry, vector=vector, answer_vector=answer_vector, asked_at=asked_at)
            if await self._books.confirm(entry, rests_on=rests_on, asked_at=asked_at):
                return True
            # Up to and including this one; a later one in its place stays.
            await self._remover.remove(
                entry.tenant,
                entry.partition,
                [entry.entry_id],
                before=math.nextafter(asked_at, math.inf),
            )
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailable("store", str(error)) from error
        return False

    def note_served(self, tenant: str, entry: str) -> None:
        """Take note that ``<partition>.<entry>`` was served. Waits for nothing."""
        if self._served is not None:
            self._served.note(tenant, entry)

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

    async def _ping(self) -> None:
        await self._fast.ping()

    async def _load_script(self) -> None:
        await self._fast.script_load(lua.NEAREST)

    async def _write(
        self, entry: Entry, *, vector: bytes | None, answer_vector: bytes | None, asked_at: float
    ) -> None:
        await write_entry(
            self._patient, entry, vector=vector, answer_vector=answer_vector, asked_at=asked_at
        )
        if self._served is not None:
            await self._served.stored(entry.tenant, reference(entry), at=entry.created)


def write_entry(
    redis: Any, entry: Entry, *, vector: bytes | None, answer_vector: bytes | None, asked_at: float
) -> Any:
    """The command that writes an entry as `EntryStore` reads it, given to a client or a pipeline.

    One that was asked later stays in its place. All its keys share a slot.
    """
    names = (
        redis_names.entry(entry.tenant, entry.partition, entry.entry_id),
        redis_names.vectors(entry.tenant, entry.partition),
        redis_names.expiries(entry.tenant, entry.partition),
    )
    blob, until = _ENTRY_ENCODER.encode(entry), kept_until(entry)
    values = (entry.entry_id, blob, repr(asked_at), until, vector or b"", answer_vector or b"")
    return redis.eval(lua.WRITE, len(names), *names, *values)


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


def _stored(row: Sequence[bytes | None], vector: NDArray[np.float32]) -> Stored | None:
    _, blob, kept, answer = row
    entry = _decode_entry(blob, stage="neighbours")
    similarity = _cosine(kept, vector)
    if entry is None or similarity is None:
        return None
    answer_vector = np.frombuffer(answer, dtype=np.float16) if answer else None
    return Stored(entry, similarity, answer_vector)


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
