"""Where a runtime's configuration comes from: its own disk first, then Redis, for ever after.

The pointer in Redis is the truth and is polled; the published hint only makes the next poll come
sooner. A new snapshot is fetched, checked, activated and put in force by one reference swap, so
calls under way end under the one they began with. Nothing here may stop a runtime from answering: a
bad snapshot is refused and reported, and without Redis the last good one stays in force.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import msgspec

from routing import __version__, redis_names
from routing.active import ActiveConfig, activate
from routing.config import RuntimeConfig
from routing.connection import REDIS_FAILURES, Backoff, connect, stop_tasks
from routing.errors import SnapshotError
from routing.last_good import LastGood, instance_id
from routing.snapshot import Acknowledgement, Heartbeat, LoadedModel, decode_snapshot
from routing.telemetry import metrics

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
ACKNOWLEDGEMENT_DAYS = 30
MISSING_BODY_SECONDS = 5.0
"""How long to wait for a body that the pointer names and Redis does not have."""

_REDIS_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the heartbeat says of the runtime's other parts."""

    embedding_model: str
    events_spooled: int
    error: str | None = None
    embedding_models: tuple[LoadedModel, ...] = ()
    redis_memory_share: float | None = None


class SnapshotSource:
    """Keeps `active` up to date from `start` until `close`.

    `vitals` is asked at every heartbeat. `before_adoption` is told what is about to be in force; it
    must return soon and must not raise.
    """

    def __init__(
        self,
        config: RuntimeConfig,
        *,
        vitals: Callable[[], Vitals] | None = None,
        before_adoption: Callable[[ActiveConfig], None] | None = None,
    ) -> None:
        self.active: ActiveConfig | None = None
        self._before_adoption = before_adoption
        self._vitals = vitals or (lambda: Vitals(config.embedding_model, 0))
        self._poll_seconds = config.snapshot_poll_ms / 1000
        self._redis = connect(config.redis_url, timeout_seconds=_REDIS_TIMEOUT_SECONDS)
        self._data_dir = config.data_dir
        self._last_good = LastGood(config.data_dir)
        self._instance = ""
        self._started_at = datetime.now(UTC)
        self._contact = time.monotonic()
        self._redis_ok: bool | None = None
        self._seen_pointer = ""
        self._refused: str | None = None
        self._refused_pointer = ""
        self._refused_until = 0.0
        self._unsent: Acknowledgement | None = None
        self._unkept: tuple[bytes, str] | None = None
        self._disk_error: str | None = None
        self._keeping = asyncio.Lock()
        self._news = asyncio.Event()
        self._hint = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def seconds_since_contact(self) -> float:
        """Seconds since Redis last answered a poll, or since this object was made."""
        return time.monotonic() - self._contact

    async def start(self) -> None:
        """Load the last good snapshot, ask Redis once, then keep asking in the background.

        Returns whether or not there was anything to load.
        """
        self._instance = await asyncio.to_thread(instance_id, self._data_dir)
        await self._load_last_good()
        with suppress(*REDIS_FAILURES):
            await self._poll()
        self._tasks = [
            asyncio.create_task(self._repeat(self._poll_once), name="snapshot-poll"),
            asyncio.create_task(self._repeat(self._listen), name="snapshot-hints"),
            asyncio.create_task(self._repeat(self._beat), name="snapshot-heartbeat"),
        ]

    async def close(self) -> None:
        """Stop asking and take this instance off the list of runtimes."""
        await stop_tasks(self._tasks)
        with suppress(*REDIS_FAILURES):
            await self._redis.hdel(redis_names.RUNTIMES, self._instance)
        await self._redis.aclose()

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff()
        while True:
            try:
                await step()
                backoff.succeeded()
                continue
            except REDIS_FAILURES as error:
                logger.debug("snapshot.redis_failed reason=%s", error)
            except Exception:
                metrics.cache_error("snapshot")
                logger.exception("snapshot.source_failed")
            await asyncio.sleep(backoff.failed())

    async def _poll_once(self) -> None:
        await self._poll()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._hint.wait()
        self._hint.clear()

    async def _listen(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(redis_names.SNAPSHOT_CHANNEL)
            # What was published before the subscription is found by looking once.
            self._hint.set()
            while True:
                message = await channel.get_message(timeout=_REDIS_TIMEOUT_SECONDS)
                if message is not None:
                    self._hint.set()

    async def _beat(self) -> None:
        self._news.clear()
        await self._keep()
        vitals = self._vitals()
        beat = Heartbeat(
            instance=self._instance,
            version=__version__,
            revision=self.active.revision if self.active else 0,
            at=datetime.now(UTC),
            started_at=self._started_at,
            embedding_model=vitals.embedding_model,
            redis_ok=bool(self._redis_ok),
            events_spooled=vitals.events_spooled,
            error=self._refused or self._disk_error or vitals.error,
            embedding_models=vitals.embedding_models,
            redis_memory_share=vitals.redis_memory_share,
        )
        await self._redis.hset(redis_names.RUNTIMES, self._instance, msgspec.json.encode(beat))
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._news.wait()

    async def _poll(self) -> None:
        try:
            pointer = await self._get(redis_names.SNAPSHOT_POINTER)
            self._contact = time.monotonic()
            if pointer:
                await self._follow(pointer.decode(errors="replace"))
            # Last: a Redis that takes no writes must not keep a runtime from following.
            if self._unsent is not None:
                await self._acknowledge(self._unsent)
        except REDIS_FAILURES as error:
            self._say_redis(ok=False, reason=str(error))
            raise
        self._say_redis(ok=True)

    async def _follow(self, pointer: str) -> None:
        """Adopt what a changed pointer names, unless it is old or has been refused."""
        if pointer == self._seen_pointer:
            if self._refused is not None:
                self._settle_on(pointer)
            return
        if pointer == self._refused_pointer and time.monotonic() < self._refused_until:
            return
        number, _, digest = pointer.partition(":")
        current = self.active.revision if self.active else 0
        if not re.fullmatch(r"[1-9][0-9]{0,17}:[0-9a-f]{64}", pointer):
            self._refuse(pointer, 0, f"pointer {pointer[:100]!r} is malformed")
            return
        revision = int(number)
        if revision > current:
            await self._fetch(pointer, revision, digest)
        elif revision < current:
            reason = f"older than revision {current} in force: publish above {current}"
            self._refuse(pointer, revision, reason)
        else:
            self._refuse(pointer, revision, f"revision {revision} is in force with another digest")

    async def _fetch(self, pointer: str, revision: int, digest: str) -> None:
        body = await self._get(redis_names.snapshot_body(revision))
        if body is None:
            reason = f"body of revision {revision} is not in Redis"
            self._refuse(pointer, revision, reason, again_in=MISSING_BODY_SECONDS)
            return
        try:
            active = await asyncio.to_thread(_activate_body, body, digest, revision)
        except SnapshotError as error:
            self._refuse(pointer, revision, str(error))
            return
        except Exception as error:
            logger.exception("snapshot.activation_failed revision=%d", revision)
            self._refuse(pointer, revision, f"{type(error).__name__}: {error}")
            return
        self._adopt(active, digest)
        self._unsent = self._acknowledgement(revision)
        # On disk before anybody is told: what is acknowledged must also outlive a restart.
        async with self._keeping:
            self._unkept = body, digest
        await self._keep()

    def _adopt(self, active: ActiveConfig, digest: str) -> None:
        if self._before_adoption is not None:
            self._before_adoption(active)
        self.active = active
        self._settle_on(f"{active.revision}:{digest}")
        metrics.snapshot_in_force(active.revision)
        logger.info("snapshot.in_force revision=%d", active.revision)

    def _settle_on(self, pointer: str) -> None:
        self._seen_pointer = pointer
        self._refused, self._refused_pointer = None, ""
        self._news.set()

    async def _keep(self) -> None:
        """Write what is in force to disk, unless it is there. A fault is made good by the next
        heartbeat."""
        async with self._keeping:
            if self._unkept is None:
                return
            try:
                await asyncio.to_thread(self._last_good.write, *self._unkept)
            except (OSError, ValueError) as error:
                if self._disk_error is None:
                    metrics.cache_error("snapshot_disk")
                    logger.error("snapshot.not_on_disk reason=%s", error)
                self._disk_error = f"the revision in force is not on disk: {error}"
            else:
                self._unkept, self._disk_error = None, None

    def _refuse(
        self, pointer: str, revision: int, reason: str, *, again_in: float = float("inf")
    ) -> None:
        if pointer != self._refused_pointer:
            metrics.snapshot_refused()
            logger.error("snapshot.refused revision=%d reason=%s", revision, reason)
        self._refused, self._refused_pointer = reason, pointer
        self._refused_until = time.monotonic() + again_in
        self._unsent = self._acknowledgement(revision, error=reason)
        self._news.set()

    def _acknowledgement(self, revision: int, *, error: str | None = None) -> Acknowledgement:
        return Acknowledgement(
            instance=self._instance, revision=revision, at=datetime.now(UTC), error=error
        )

    async def _acknowledge(self, word: Acknowledgement) -> None:
        key = redis_names.acknowledgements(word.revision)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hset(key, word.instance, msgspec.json.encode(word))
        pipeline.expire(key, ACKNOWLEDGEMENT_DAYS * 24 * 3600)
        await pipeline.execute()
        self._unsent = None

    async def _get(self, key: str) -> bytes | None:
        # redis-py types every reply as bytes or str; this client decodes none.
        return cast("bytes | None", await self._redis.get(key))

    async def _load_last_good(self) -> None:
        try:
            found = await asyncio.to_thread(self._last_good.read)
            if found is None:
                return
            body, digest = found
            active = await asyncio.to_thread(_activate_body, body, digest, None)
        except (SnapshotError, OSError) as error:
            metrics.snapshot_refused()
            logger.error("snapshot.last_good_unusable reason=%s", error)
            return
        self._adopt(active, digest)
        self._unsent = self._acknowledgement(active.revision)

    def _say_redis(self, *, ok: bool, reason: str = "") -> None:
        if ok and self._redis_ok is not True:
            logger.info("snapshot.redis_there")
        elif not ok and self._redis_ok is not False:
            logger.warning("snapshot.redis_away reason=%s", reason)
        self._redis_ok = ok


def _activate_body(body: bytes, digest: str, revision: int | None) -> ActiveConfig:
    snapshot = decode_snapshot(body, digest=digest)
    if revision is not None and snapshot.revision != revision:
        raise SnapshotError(f"body of revision {revision} calls itself {snapshot.revision}")
    return activate(snapshot)
