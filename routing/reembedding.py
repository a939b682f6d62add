"""After a tenant's model has changed: puts its most used answers in their places under the new one.

A changed model means other partitions, which start empty. This job copies into them what is used
most, with new vectors and everything else as it was: created, expiry, documents, tags and user. One
runtime does it at a time, by lease; one that was interrupted is begun again by the next, which
passes over what is in place already. It never disturbs calls: texts are embedded while no call
waits, and no more than so many a second.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

import msgspec
import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing import redis_names
from routing.active import ActiveConfig, ActiveTenant
from routing.embedding_models import Reembedding, decode_progress
from routing.errors import CacheUnavailable
from routing.keeping import BEGINNING_CHARS
from routing.keys import partition_under
from routing.store.entries import EntryStore
from routing.store.removal import Remover
from routing.types import Entry
from routing.upkeep import hottest

logger = logging.getLogger(__name__)

MAX_ENTRIES = 10_000
_ROUND_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 30.0
"""How soon work is found that nothing here has announced, such as what another runtime left."""

_LEASE_MS = 30_000
_AT_ONCE = 16
_TOLD_EVERY_SECONDS = 1.0
_MOST_ATTEMPTS = 12
_LONGEST_PAUSE = timedelta(minutes=15)
_SAME_NAME_PAUSE = timedelta(hours=1)
"""Two releases side by side may give one name two ids; they must not re-embed in turns."""

_DECODER = msgspec.msgpack.Decoder(Entry)
Vector = NDArray[np.float32]


class BackgroundEmbedder(Protocol):
    """What the job needs of a model."""

    @property
    def model_id(self) -> str:
        """Part of every partition."""

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        """For work that no call waits for. Raises CacheUnavailable."""


class Models(Protocol):
    """Which model each tenant uses. `changes` grows whenever one may have another than before."""

    changes: int

    def settled(self, uid: str) -> BackgroundEmbedder | None:
        """The model that the tenant names, once it is ready and in use."""

    def name_of(self, uid: str) -> str:
        """What the tenant calls its model."""


@dataclass(frozen=True, slots=True)
class _Source:
    """One entry as it is, and where its copy belongs."""

    entry: Entry
    target: str
    asked_at: float
    has_answer_vector: bool
    rests_on: Mapping[str, str]


class Reembedder:
    """Runs in every runtime. `active` gives the configuration in force, `clock` epoch seconds."""

    def __init__(
        self,
        redis: Redis,
        *,
        store: EntryStore,
        models: Models,
        active: Callable[[], ActiveConfig | None],
        on_error: Callable[[str], None],
        per_second: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """At most `per_second` entries are embedded in a second."""
        self._redis = redis
        self._store = store
        self._models = models
        self._active = active
        self._on_error = on_error
        self._per_second = per_second
        self._clock = clock
        self._remover = Remover(redis)
        self._token = secrets.token_hex(8)
        self._seen: tuple[int, int] | None = None
        self._look_again_at = 0.0

    async def run(self) -> None:
        """Look for work for ever; cancel to stop. Faults are counted and work is taken up again."""
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            if not self._has_news():
                continue
            try:
                await self.round()
            except (RedisError, OSError, TimeoutError, CacheUnavailable) as error:
                self._seen = None
                self._on_error("reembedding")
                logger.warning("reembedding.failed error=%s", error)
            except Exception:
                self._seen = None
                self._on_error("reembedding")
                logger.exception("reembedding.failed_unexpectedly")

    def _has_news(self) -> bool:
        """Whether looking may be worth while: with many tenants it is not free."""
        config, now = self._active(), asyncio.get_running_loop().time()
        seen = (config.revision if config else 0, self._models.changes)
        if seen == self._seen and now < self._look_again_at:
            return False
        self._seen, self._look_again_at = seen, now + _LOOK_AGAIN_SECONDS
        return True

    async def round(self) -> None:
        """Do what is due. Raises RedisError, or CacheUnavailable when Redis or a model fails."""
        config = await self._current()
        if config is None:
            return
        told = await self._read()
        if gone := [uid for uid in told if uid not in config.tenants]:
            await self._redis.hdel(redis_names.REEMBEDDING, *gone)
        due = [uid for uid in config.tenants if await self._is_due(uid, told.get(uid))]
        if not due or not await self._take_lease():
            return
        try:
            # Another runtime may have done it between the reading and the lease.
            told = await self._read()
            for uid in due:
                if await self._is_due(uid, told.get(uid)):
                    await self._reembed(uid, told.get(uid))
        finally:
            await self._give_lease_back()

    async def _is_due(self, uid: str, told: Reembedding | None) -> bool:
        embedder = self._models.settled(uid)
        if embedder is None:
            return False
        model_id = embedder.model_id
        if told is None:
            # The first model that is seen of a tenant: nothing lies anywhere else.
            first = self._begun(uid, model_id, attempts=0)
            first = msgspec.structs.replace(first, state="done")
            await self._redis.hset(redis_names.REEMBEDDING, uid, msgspec.json.encode(first))
            return False
        if told.model_id == model_id:
            return self._now() - told.updated_at > _pause(told)
        same_name = told.model == self._models.name_of(uid)
        return not same_name or self._now() - told.started_at > _SAME_NAME_PAUSE

    async def _reembed(self, uid: str, told: Reembedding | None) -> None:
        """Do one tenant's job, or as much of it as can be done."""
        embedder = self._models.settled(uid)
        if embedder is None:
            return
        model_id = embedder.model_id
        again = told is not None and told.model_id == model_id
        state = self._begun(uid, model_id, attempts=told.attempts + 1 if told and again else 1)
        places = await self._places(uid, model_id)
        state = msgspec.structs.replace(state, total=len(places))
        await self._tell(uid, state)
        logger.info("reembedding.begun tenant=%s model=%s entries=%d", uid, model_id, len(places))
        try:
            state = await self._copy_all(uid, embedder, places, state)
        except CacheUnavailable as error:
            failed = state.attempts >= _MOST_ATTEMPTS
            state = await self._latest(uid, state)
            state = msgspec.structs.replace(
                state, state="failed" if failed else "running", error=error.reason
            )
            await self._tell(uid, state)
            raise
        if state.state == "done":
            await self._tell(uid, state)
            logger.info(
                "reembedding.done tenant=%s done=%d failed=%d", uid, state.done, state.failed
            )

    async def _copy_all(
        self,
        uid: str,
        embedder: BackgroundEmbedder,
        places: Sequence[tuple[str, str]],
        state: Reembedding,
    ) -> Reembedding:
        """`state` after all `places` were copied; still running if the model changed meanwhile."""
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        for start in range(0, len(places), _AT_ONCE):
            began = loop.time()
            tenant = self._tenant(uid, embedder)
            if tenant is None:
                return state
            chunk = places[start : start + _AT_ONCE]
            failed = await self._copy(tenant, embedder, chunk)
            state = msgspec.structs.replace(
                state,
                done=state.done + len(chunk) - failed,
                failed=state.failed + failed,
                updated_at=self._now(),
            )
            if loop.time() - told_at >= _TOLD_EVERY_SECONDS:
                told_at = loop.time()
                await self._tell(uid, state)
            await asyncio.sleep(max(0.0, len(chunk) / self._per_second - (loop.time() - began)))
        return msgspec.structs.replace(state, state="done", updated_at=self._now())

    async def _places(self, uid: str, model_id: str) -> list[tuple[str, str]]:
        """Partition and id of the entries that are to be copied, the most used first."""
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for entry in await hottest(self._redis, tenant=uid, count=MAX_ENTRIES):
            if entry.base and entry.partition != partition_under(entry.base, model_id):
                # One question may lie under several former models.
                found.setdefault((entry.base, entry.entry_id), (entry.partition, entry.entry_id))
        return list(found.values())

    async def _copy(
        self,
        tenant: ActiveTenant,
        embedder: BackgroundEmbedder,
        places: Sequence[tuple[str, str]],
    ) -> int:
        """Copy what lies at `places` and may still be served; the number that could not be
        embedded. Raises CacheUnavailable when none could."""
        sources = await self._sources(tenant, embedder.model_id, places)
        try:
            vectors = await _vectors(sources, embedder)
        except CacheUnavailable:
            if len(sources) == 1:
                raise
            return await self._copy_one_by_one(sources, embedder)
        for source, pair in zip(sources, vectors, strict=True):
            await self._put(source, pair)
        return 0

    async def _copy_one_by_one(
        self, sources: Sequence[_Source], embedder: BackgroundEmbedder
    ) -> int:
        """One text that a model cannot take must not hold up the others."""
        failed = 0
        for source in sources:
            try:
                (pair,) = await _vectors([source], embedder)
            except CacheUnavailable:
                failed += 1
                if failed == len(sources):
                    raise
                continue
            await self._put(source, pair)
        return failed

    async def _sources(
        self, tenant: ActiveTenant, model_id: str, places: Sequence[tuple[str, str]]
    ) -> list[_Source]:
        uid = tenant.config.uid
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition, entry_id in places:
                name = redis_names.entry(uid, partition, entry_id)
                pipe.hmget(name, "e", "at")
                pipe.hexists(name, "a")
                pipe.hgetall(redis_names.partition_documents(uid, partition))
            replies = await pipe.execute()
        numbers = {**tenant.versions, **tenant.generations}
        current = {name: str(version) for name, version in numbers.items()}
        found: list[_Source] = []
        for (blob, at), has_answer, rests in zip(
            replies[::3], replies[1::3], replies[2::3], strict=True
        ):
            entry = _decode(blob)
            rests_on = {name.decode(): version.decode() for name, version in rests.items()}
            if entry is None or rests_on.items() - current.items():
                continue
            target = partition_under(entry.base, model_id)
            asked_at = float(at) if at else float(entry.created)
            found.append(_Source(entry, target, asked_at, bool(has_answer), rests_on))
        return await self._without_those_in_place(found)

    async def _without_those_in_place(self, sources: Sequence[_Source]) -> list[_Source]:
        """What calls have stored under the new model themselves is newer, and stays."""
        if not sources:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for source in sources:
                entry = source.entry
                pipe.exists(redis_names.entry(entry.tenant, source.target, entry.entry_id))
            there = await pipe.execute()
        return [source for source, is_there in zip(sources, there, strict=True) if not is_there]

    async def _put(self, source: _Source, vectors: tuple[Vector | None, Vector | None]) -> None:
        entry, (question, answer) = source.entry, vectors
        if entry.expires + entry.grace_seconds <= self._clock():
            return
        copy = msgspec.structs.replace(entry, partition=source.target)
        stored = await self._store.put(
            copy,
            vector=question.tobytes() if question is not None else None,
            rests_on=source.rests_on,
            asked_at=source.asked_at,
            answer_vector=answer.astype(np.float16).tobytes() if answer is not None else None,
        )
        if not stored:
            return
        name = redis_names.entry(entry.tenant, entry.partition, entry.entry_id)
        if not await self._redis.exists(name):
            # Erased meanwhile, by a name that the copy does not bear.
            until = math.nextafter(source.asked_at, math.inf)
            await self._remover.remove(entry.tenant, source.target, [entry.entry_id], before=until)
            return
        await self._hand_over_use(entry, source.target)

    async def _hand_over_use(self, entry: Entry, target: str) -> None:
        """Let an eviction take what lies under the former model first."""
        used = redis_names.used(entry.tenant)
        former = f"{entry.partition}.{entry.entry_id}"
        score = await self._redis.zscore(used, former)
        if score is not None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zadd(used, {f"{target}.{entry.entry_id}": score}, gt=True)
                pipe.zadd(used, {former: 0}, xx=True)
                await pipe.execute()

    def _tenant(self, uid: str, embedder: BackgroundEmbedder) -> ActiveTenant | None:
        """The tenant as it is now; None when it is gone or has another model."""
        config = self._active()
        if config is None or self._models.settled(uid) is not embedder:
            return None
        return config.tenants.get(uid)

    async def _current(self) -> ActiveConfig | None:
        """The configuration in force, unless another is published, which may name other models."""
        config = self._active()
        if config is None:
            return None
        pointer = cast("bytes | None", await self._redis.get(redis_names.SNAPSHOT_POINTER))
        same = pointer is None or pointer.startswith(b"%d:" % config.revision)
        return config if same else None

    async def _read(self) -> dict[str, Reembedding]:
        blobs = cast("dict[bytes, bytes]", await self._redis.hgetall(redis_names.REEMBEDDING))
        return {
            uid.decode(): told for uid, blob in blobs.items() if (told := decode_progress(blob))
        }

    async def _latest(self, uid: str, state: Reembedding) -> Reembedding:
        return (await self._read()).get(uid, state)

    async def _tell(self, uid: str, state: Reembedding) -> None:
        await self._redis.hset(redis_names.REEMBEDDING, uid, msgspec.json.encode(state))
        await self._redis.pexpire(redis_names.REEMBEDDING_LEASE, _LEASE_MS)

    def _begun(self, uid: str, model_id: str, *, attempts: int) -> Reembedding:
        now = self._now()
        return Reembedding(
            model=self._models.name_of(uid),
            model_id=model_id,
            state="running",
            started_at=now,
            updated_at=now,
            attempts=attempts,
        )

    async def _take_lease(self) -> bool:
        lease = redis_names.REEMBEDDING_LEASE
        return bool(await self._redis.set(lease, self._token, nx=True, px=_LEASE_MS))

    async def _give_lease_back(self) -> None:
        lease = redis_names.REEMBEDDING_LEASE
        if await self._redis.get(lease) == self._token.encode():
            await self._redis.delete(lease)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _pause(told: Reembedding) -> timedelta:
    """How long an unfinished job rests after a sign of life: ever longer while it fails."""
    if told.state == "done":
        return timedelta.max
    if told.state == "failed":
        return _LONGEST_PAUSE
    return min(timedelta(seconds=2**told.attempts), _LONGEST_PAUSE)


async def _vectors(
    sources: Sequence[_Source], embedder: BackgroundEmbedder
) -> list[tuple[Vector | None, Vector | None]]:
    """Vectors of question and answer for each source; None where there is none to be had."""
    questions = await embedder.embed_many([source.entry.query for source in sources])
    with_answer = [source for source in sources if source.has_answer_vector]
    answers = await embedder.embed_many([source.entry.answer for source in with_answer])
    long = [index for index, vector in enumerate(answers) if vector is None]
    beginnings = [with_answer[index].entry.answer[:BEGINNING_CHARS] for index in long]
    for index, vector in zip(long, await embedder.embed_many(beginnings), strict=True):
        answers[index] = vector
    left = iter(answers)
    return [
        (question, next(left) if source.has_answer_vector else None)
        for source, question in zip(sources, questions, strict=True)
    ]


def _decode(blob: bytes | None) -> Entry | None:
    if blob is None:
        return None
    try:
        return _DECODER.decode(blob)
    except msgspec.MsgspecError:
        # Of another release; calls cannot read it either.
        return None
