"""Taking events off the Redis stream: at least once from there, exactly once into the sums."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from cache_admin.services.ingest import Outcome, store_events
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
        def take_off(pipe: Any, ids: Sequence[bytes]) -> None:
            pipe.xack(redis_names.EVENT_STREAM, redis_names.EVENT_GROUP, *ids)
            pipe.xdel(redis_names.EVENT_STREAM, *ids)

        return _store(self._client, portion, take_off=take_off)


def retry_poison(client: redis.Redis) -> Tally:
    """Try once more what was set aside so far; what still cannot be kept stays set aside.

    Raises redis.RedisError or django.db.OperationalError; calling again goes on where it stopped.
    """

    def take_off(pipe: Any, ids: Sequence[bytes]) -> None:
        pipe.xdel(POISON_STREAM, *ids)

    done, start = Tally(), "-"
    newest: Any = client.xrevrange(POISON_STREAM, count=1)
    while newest:
        entries: Any = client.xrange(POISON_STREAM, start, newest[0][0], count=_ENTRIES_A_READ)
        if not entries:
            break
        for portion in _portions(entries):
            done += _store(client, portion, take_off=take_off)
        start = f"({entries[-1][0].decode()}"
    return done


def _store(
    client: redis.Redis,
    portion: Sequence[_Decoded],
    *,
    take_off: Callable[[Any, Sequence[bytes]], None],
) -> Tally:
    """Keep the events and set the rest aside; only then, and with that, `take_off` the entries."""
    outcome = store_events([event for item in portion for event in item.events])
    leftovers = _leftovers(portion, outcome)
    with client.pipeline(transaction=True) as pipe:
        _set_aside(pipe, leftovers)
        take_off(pipe, [item.entry_id for item in portion])
        pipe.execute()
    return Tally(len(portion), outcome.new, outcome.repeated, len(leftovers))


@dataclass(frozen=True, slots=True)
class _Leftover:
    """What cannot be kept: a batch of one event, or one that is no batch at all, and why."""

    batch: bytes
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A stream entry: the events that can be read, and what cannot."""

    entry_id: bytes
    events: Sequence[Event]
    unreadable: Sequence[_Leftover]


def _portions(entries: Sequence[RawEntry]) -> Iterator[Sequence[_Decoded]]:
    """The entries in groups of one transaction each."""
    portion: list[_Decoded] = []
    size = 0
    for entry_id, fields in entries:
        item = _decode(entry_id, fields.get(b"batch", b""))
        if portion and size + len(item.events) > _EVENTS_A_TRANSACTION:
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += len(item.events)
    if portion:
        yield portion


def _decode(entry_id: bytes, batch: bytes) -> _Decoded:
    try:
        return _Decoded(entry_id, decode_batch(batch), ())
    except msgspec.MsgspecError:
        return _decode_singly(entry_id, batch)


def _decode_singly(entry_id: bytes, batch: bytes) -> _Decoded:
    """Judge each event alone: one that a newer runtime wrote must not take the others with it."""
    source = f"entry {entry_id.decode()}"
    try:
        items = msgspec.msgpack.decode(batch, type=list[msgspec.Raw])
    except msgspec.MsgspecError as error:
        return _Decoded(entry_id, (), [_Leftover(batch, f"undecodable: {error}", source)])
    events: list[Event] = []
    unreadable: list[_Leftover] = []
    for item in items:
        alone = msgspec.msgpack.encode([item])
        try:
            events += decode_batch(alone)
        except msgspec.MsgspecError as error:
            unreadable.append(_Leftover(alone, f"undecodable: {error}", source))
    return _Decoded(entry_id, events, unreadable)


def _leftovers(portion: Sequence[_Decoded], outcome: Outcome) -> Sequence[_Leftover]:
    unreadable = [leftover for item in portion for leftover in item.unreadable]
    refused = [
        _Leftover(encode_batch([refusal.event]), refusal.reason, f"event {refusal.event.id}")
        for refusal in outcome.refused
    ]
    return [*unreadable, *refused]


def _set_aside(pipe: Any, leftovers: Sequence[_Leftover]) -> None:
    for leftover in leftovers:
        logger.error("events.set_aside source=%r reason=%s", leftover.source, leftover.reason)
        pipe.xadd(
            POISON_STREAM,
            {"batch": leftover.batch, "reason": leftover.reason, "source": leftover.source},
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
