"""Taking events off the Redis stream: at least once from there, exactly once into the sums."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from cache_admin.services.ingest import Refusal, store_events
from routing import redis_names
from routing.telemetry.events import Event, decode_batch, encode_batch

logger = logging.getLogger(__name__)

POISON_STREAM = f"{redis_names.EVENT_STREAM}:poison"
"""What could not be kept, with the reason, for a person to look at; the newest 10,000."""

_POISON_LENGTH = 10_000
_ENTRIES_A_READ = 50
_EVENTS_A_TRANSACTION = 1_000
_CLAIM_EVERY_SECONDS = 5.0

RawEntry = tuple[bytes, Mapping[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of events; `poisoned` were set aside, `entries` are stream entries done with."""

    entries: int = 0
    new: int = 0
    repeated: int = 0
    poisoned: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.entries + other.entries,
            self.new + other.new,
            self.repeated + other.repeated,
            self.poisoned + other.poisoned,
        )


class EventConsumer:
    """One member of the consumer group. Not for use by several threads.

    An entry leaves the stream only after its events are committed. A member that starts again under
    its `name` resumes what it had taken; what others left for `claim_idle_ms` is taken over.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        name: str,
        claim_idle_ms: int = 30_000,
        block_ms: int = 1_000,
    ) -> None:
        self._client = client
        self._name = name
        self._claim_idle_ms = claim_idle_ms
        self._block_ms = block_ms
        self._resuming = True
        self._next_claim = 0.0

    def run_once(self) -> Tally:
        """Take what is there, waiting up to `block_ms` for the first entry, and keep it.

        Raises redis.RedisError or django.db.OperationalError; nothing is lost then, and calling
        again goes on where it stopped.
        """
        try:
            done = Tally()
            for portion in _portions(self._take()):
                done += self._keep(portion)
        except Exception:
            self._resuming = True
            raise
        return done

    def _take(self) -> Sequence[RawEntry]:
        try:
            return self._taken()
        except redis.ResponseError as error:
            # A new stream, or a Redis that lost its data. From 0: what is there belongs to us.
            if not str(error).startswith("NOGROUP"):
                raise
            self._client.xgroup_create(
                redis_names.EVENT_STREAM, redis_names.EVENT_GROUP, id="0", mkstream=True
            )
            return self._taken()

    def _taken(self) -> Sequence[RawEntry]:
        if self._resuming:
            if entries := self._read("0"):
                return entries
            self._resuming = False
        if time.monotonic() >= self._next_claim:
            if entries := self._claim():
                return entries
            self._next_claim = time.monotonic() + _CLAIM_EVERY_SECONDS
        return self._read(">")

    def _read(self, start: str) -> Sequence[RawEntry]:
        found: Any = self._client.xreadgroup(
            redis_names.EVENT_GROUP,
            self._name,
            {redis_names.EVENT_STREAM: start},
            count=_ENTRIES_A_READ,
            block=self._block_ms if start == ">" else None,
        )
        return _entries(found)

    def _claim(self) -> Sequence[RawEntry]:
        found: Any = self._client.xautoclaim(
            redis_names.EVENT_STREAM,
            redis_names.EVENT_GROUP,
            self._name,
            min_idle_time=self._claim_idle_ms,
            count=_ENTRIES_A_READ,
        )
        return [(entry_id, fields or {}) for entry_id, fields in found[1]]

    def _keep(self, portion: Sequence[_Decoded]) -> Tally:
        outcome = store_events([event for item in portion for event in item.events])
        poisoned = 0
        with self._client.pipeline(transaction=True) as pipe:
            for item in portion:
                if item.fault:
                    poisoned += 1
                    _set_aside(pipe, item.raw, item.fault, item.entry_id)
            for refusal in outcome.refused:
                poisoned += 1
                _set_aside_event(pipe, refusal)
            ids = [item.entry_id for item in portion]
            pipe.xack(redis_names.EVENT_STREAM, redis_names.EVENT_GROUP, *ids)
            pipe.xdel(redis_names.EVENT_STREAM, *ids)
            pipe.execute()
        return Tally(len(portion), outcome.new, outcome.repeated, poisoned)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A stream entry: its events, or the fault that makes it unreadable."""

    entry_id: bytes
    raw: bytes
    events: Sequence[Event]
    fault: str


def _portions(entries: Sequence[RawEntry]) -> Iterator[Sequence[_Decoded]]:
    """The entries in groups of one transaction each."""
    portion: list[_Decoded] = []
    size = 0
    for entry_id, fields in entries:
        item = _decode(entry_id, fields)
        if portion and size + len(item.events) > _EVENTS_A_TRANSACTION:
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += len(item.events)
    if portion:
        yield portion


def _decode(entry_id: bytes, fields: Mapping[bytes, bytes]) -> _Decoded:
    raw = fields.get(b"batch", b"")
    try:
        return _Decoded(entry_id, raw, decode_batch(raw), "")
    except msgspec.MsgspecError as error:
        return _Decoded(entry_id, raw, (), f"undecodable: {error}")


def _set_aside(pipe: Any, raw: bytes, reason: str, entry_id: bytes) -> None:
    logger.error("events.set_aside entry=%s reason=%s", entry_id.decode(), reason)
    pipe.xadd(
        POISON_STREAM,
        {"batch": raw, "reason": reason, "entry": entry_id},
        maxlen=_POISON_LENGTH,
        approximate=True,
    )


def _set_aside_event(pipe: Any, refusal: Refusal) -> None:
    logger.error("events.set_aside event=%s reason=%s", refusal.event.id, refusal.reason)
    pipe.xadd(
        POISON_STREAM,
        {"batch": encode_batch([refusal.event]), "reason": refusal.reason},
        maxlen=_POISON_LENGTH,
        approximate=True,
    )


def _entries(found: Any) -> Sequence[RawEntry]:
    """The entries of one stream, whichever protocol version shaped the answer."""
    if not found:
        return []
    if isinstance(found, dict):
        streams = next(iter(found.values()))
        entries = streams[0] if streams and isinstance(streams[0], list) else streams
    else:
        entries = found[0][1]
    return [(entry_id, fields or {}) for entry_id, fields in entries]
