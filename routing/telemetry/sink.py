"""Where the events of calls go: onto disk at once, then in batches to the Redis stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from routing import redis_names
from routing.config import RuntimeConfig
from routing.connection import REDIS_FAILURES, Backoff, connect, stop_tasks
from routing.telemetry import metrics
from routing.telemetry.events import Event, encode_batch
from routing.telemetry.spool import Segment, Spool, decode_frames, encode_frame

logger = logging.getLogger(__name__)

SHIP_INTERVAL_SECONDS = 0.1
EVENTS_PER_BATCH = 200
RETAIN_SECONDS = 5.0
"""Redis may write its append-only file up to two seconds after it answered."""

CLOSE_SECONDS = 2.0
MAX_EVENTS_IN_MEMORY = 10_000
COMPLAINT_SECONDS = 60.0
OPEN_AGAIN_SECONDS = 60.0

_REDIS_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Retained:
    segment: Segment
    run_id: str
    shipped_at: float


class EventSink:
    """Takes one event per call and never fails the call.

    Use it from the event loop's thread. Events are shipped at least once; readers count each
    `Event.id` once.
    """

    def __init__(self, config: RuntimeConfig) -> None:
        self._spool = Spool(config.data_dir / "spool", max_bytes=config.spool_max_bytes)
        self._redis = connect(config.redis_url, timeout_seconds=_REDIS_TIMEOUT_SECONDS)
        self._memory: deque[Event] = deque()
        self._retained: deque[_Retained] = deque()
        self._segment_full = asyncio.Event()
        self._stream_limit = config.event_stream_max_entries
        self._stream_entries = self._stream_limit
        self._stream_full = False
        self._backoff = Backoff()
        self._redis_ok = True
        self._shipping: asyncio.Task[None] | None = None
        self._open_again_at = 0.0
        self._lost = 0
        self._complained_at = float("-inf")

    @property
    def spooled(self) -> int:
        """Events that wait to be shipped."""
        return self._spool.events + len(self._memory)

    @property
    def error(self) -> str | None:
        """Why events wait although Redis is there; None when they do not."""
        if not self._stream_full:
            return None
        return (
            f"the event stream is full at {self._stream_entries} entries and events wait on disk: "
            "see whether `manage.py ingest_events` runs"
        )

    async def start(self) -> None:
        """Adopt what earlier processes left behind and begin to ship."""
        await self._open_spool()
        self._shipping = asyncio.create_task(self._ship_forever(), name="event-sink")

    def record(self, event: Event) -> None:
        """Keep `event`: on return it survives the death of this process. Never raises.

        When the disk refuses it, it waits in memory; when there is no room, it is dropped and
        counted.
        """
        try:
            self._keep(event)
        except Exception as error:  # noqa: BLE001  # counted, and logged once a minute
            self._lose(1, f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Ship what can be shipped within two seconds; the rest stays on disk."""
        if self._shipping is not None:
            await stop_tasks([self._shipping])
        last = asyncio.create_task(self._ship_waiting())
        await asyncio.wait({last}, timeout=CLOSE_SECONDS)
        await stop_tasks([last])
        if self._spool.events or (not last.cancelled() and last.exception()):
            logger.warning("events.left_on_disk count=%d", self._spool.events)
        if self._memory:
            self._lose(len(self._memory), "closed without disk and Redis")
        await asyncio.to_thread(self._spool.close)
        await self._redis.aclose()

    async def _open_spool(self) -> None:
        self._open_again_at = time.monotonic() + OPEN_AGAIN_SECONDS
        try:
            claim = await asyncio.to_thread(self._spool.claim)
        except OSError as error:
            logger.error("events.spool_unavailable reason=%s", error)
        else:
            self._spool.enter(claim)

    def _keep(self, event: Event) -> None:
        frame = encode_frame(event)
        try:
            kept = self._spool.append(frame)
        except OSError as error:
            kept = len(self._memory) < MAX_EVENTS_IN_MEMORY
            if kept:
                self._memory.append(event)
            else:
                self._lose(1, f"disk refused and memory is full: {error}")
            return
        if not kept:
            self._lose(1, "spool is full")
        elif self._spool.segment_events >= EVENTS_PER_BATCH:
            self._spool.rotate()
            self._segment_full.set()

    def _lose(self, count: int, reason: str) -> None:
        metrics.event_dropped(count)
        self._lost += count
        now = time.monotonic()
        if now - self._complained_at >= COMPLAINT_SECONDS:
            self._complained_at = now
            logger.error("events.dropped count=%d reason=%s", self._lost, reason)
            self._lost = 0

    async def _ship_forever(self) -> None:
        while True:
            try:
                await self._ship_waiting()
                await self._settle()
                self._say_redis(ok=True)
                await self._wait_for_segment()
            except REDIS_FAILURES as error:
                self._say_redis(ok=False, reason=str(error))
                await asyncio.sleep(self._backoff.failed())
            except Exception:
                metrics.cache_error("events")
                logger.exception("events.shipping_failed")
                await asyncio.sleep(self._backoff.failed())
            metrics.events_spooled(self.spooled)

    async def _wait_for_segment(self) -> None:
        self._backoff.succeeded()
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(SHIP_INTERVAL_SECONDS):
                await self._segment_full.wait()
        self._segment_full.clear()

    async def _ship_waiting(self) -> None:
        if not self._redis_ok:
            # While Redis is away a segment grows to its full size instead of one file every tenth
            # of a second.
            await self._redis.ping()
        if not self._spool.is_open and time.monotonic() >= self._open_again_at:
            await self._open_spool()
        if not await self._has_room():
            return
        self._spool.rotate()
        while self._memory and await self._has_room():
            batch = [self._memory[at] for at in range(min(len(self._memory), EVENTS_PER_BATCH))]
            await self._send(batch)
            for _ in batch:
                self._memory.popleft()
        while (segment := self._spool.oldest()) is not None and await self._has_room():
            await self._ship(segment)

    async def _has_room(self) -> bool:
        """Whether the stream takes another entry. Redis is asked only when it seems full."""
        if self._stream_entries >= self._stream_limit:
            self._stream_entries = int(await self._redis.xlen(redis_names.EVENT_STREAM))
        full = self._stream_entries >= self._stream_limit
        if full != self._stream_full:
            self._stream_full = full
            if full:
                logger.error("events.stream_full entries=%d", self._stream_entries)
            else:
                logger.info("events.stream_has_room entries=%d", self._stream_entries)
        return not full

    async def _ship(self, segment: Segment) -> None:
        try:
            events = decode_frames(segment.path.read_bytes())
        except OSError as error:
            logger.error("events.segment_unreadable path=%s reason=%s", segment.path.name, error)
            self._spool.set_aside(segment)
            self._lose(segment.events, f"segment {segment.path.name} cannot be read")
            return
        if missing := segment.events - len(events):
            self._lose(missing, f"segment {segment.path.name} is damaged")
        if not events:
            self._spool.shipped(segment)
            self._spool.forget(segment)
            return
        run_id = await self._send(events)
        self._spool.shipped(segment)
        self._retained.append(_Retained(segment, run_id, time.monotonic()))
        # In a backlog as well, or what is only retained would fill the spool.
        self._settle_due(self._due(), run_id=run_id)

    async def _send(self, events: list[Event]) -> str:
        """Append one stream entry; returns the run id of the server that took it."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.xadd(redis_names.EVENT_STREAM, {"batch": encode_batch(events)})
        pipeline.info("server")
        pipeline.xlen(redis_names.EVENT_STREAM)
        _, server, self._stream_entries = await pipeline.execute()
        return str(server["run_id"])

    async def _settle(self) -> None:
        """Delete what Redis has safely; ship again what a restarted Redis may have lost."""
        if not (due := self._due()):
            return
        try:
            run_id = str((await self._redis.info("server"))["run_id"])
        except REDIS_FAILURES:
            self._retained.extendleft(reversed(due))
            raise
        self._settle_due(due, run_id=run_id)

    def _due(self) -> list[_Retained]:
        now = time.monotonic()
        due: list[_Retained] = []
        while self._retained and now - self._retained[0].shipped_at >= RETAIN_SECONDS:
            due.append(self._retained.popleft())
        return due

    def _settle_due(self, due: list[_Retained], *, run_id: str) -> None:
        self._spool.ship_again([item.segment for item in due if item.run_id != run_id])
        for item in due:
            if item.run_id == run_id:
                self._spool.forget(item.segment)

    def _say_redis(self, *, ok: bool, reason: str = "") -> None:
        if ok != self._redis_ok:
            self._redis_ok = ok
            if ok:
                logger.info("events.redis_back")
            else:
                logger.warning("events.redis_away reason=%s", reason)
