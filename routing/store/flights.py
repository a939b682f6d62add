"""Leases in Redis, by which calls that ask the same at the same time have one of them ask.

A flight is one call's way to the provider and back. Its lease is a hash that expires unless the
holder renews it; once the flight has ended, the hash says for some seconds how. Every change names
the holder's token, so that a holder that was away for longer than its lease changes nothing of
another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

import msgspec
from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing import redis_names
from routing.errors import CacheUnavailable, EntryUnreadable
from routing.store.patience import within

LEASE_SECONDS = 3.0
MAX_NEAR = 20

_REMEMBERED_SECONDS: dict[str, float] = {"stored": 3.0, "failed": 3.0, "not_stored": 10.0}
"""How long a flight's end is told. That answers of a kind are not stored, longest: so long nobody
waits for one in vain."""

_FLIGHTS_SECONDS = 10.0
_PATIENCE_SECONDS = 1.0
_LONGEST_BODY = 64 * 1024
_ROUNDING = 1e-6
"""The last word on similarity is the semantic layer's."""

_FAILURES = (RedisError, OSError, TimeoutError)

State = Literal["flying", "stored", "not_stored", "failed"]

BOARD = """
-- Takes a lease, unless another call has it, and tells what is asked nearby.
-- KEYS[1] lease, KEYS[2] vector set of the questions in flight. ARGV: token, entry id,
-- milliseconds of the lease, query, vector (float32 bytes, empty for none), prefix of leases, how
-- many neighbours to look at, token of the flight that the caller knows to have ended, milliseconds
-- of the questions, the least score of a neighbour.
-- Returns {{token, state, failure, failures}, {{entry id, token, query, score, since}, ...}}; the
-- token tells whose, and since (microseconds) which came first.
local held = redis.call('HMGET', KEYS[1], 'token', 'state', 'failure', 'failures')
if held[1] and held[1] ~= ARGV[8] then
  if held[2] == 'flying' then redis.call('HSET', KEYS[1], 'awaited', '1') end
  return {held, {}}
end
redis.call('DEL', KEYS[1])
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'state', 'flying', 'query', ARGV[4],
  'since', string.format('%d%06d', now[1], now[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local near = {}
if ARGV[5] ~= '' then
  local found = redis.call(
    'VSIM', KEYS[2], 'FP32', ARGV[5], 'WITHSCORES', 'COUNT', ARGV[7])
  for at = 1, #found, 2 do
    local id = found[at]
    local lease = redis.call('HMGET', ARGV[6] .. id, 'token', 'state', 'query', 'since')
    if id ~= ARGV[2] and lease[1] and lease[2] == 'flying' then
      if tonumber(found[at + 1]) >= tonumber(ARGV[10]) then
        near[#near + 1] = {id, lease[1], lease[3], found[at + 1], lease[4]}
      end
    elseif id ~= ARGV[2] then
      redis.call('VREM', KEYS[2], id)
    end
  end
  redis.call('VADD', KEYS[2], 'FP32', ARGV[5], ARGV[2], 'NOQUANT')
  redis.call('PEXPIRE', KEYS[2], ARGV[9])
end
return {{ARGV[1], 'flying'}, near}
"""

RENEW = """
-- Keeps a lease for longer. KEYS[1] lease, KEYS[2] questions in flight; ARGV: token, milliseconds
-- of the lease, and of the questions. Returns -1 when it is lost, else whether others wait for it.
local held = redis.call('HMGET', KEYS[1], 'token', 'awaited')
if held[1] ~= ARGV[1] then return -1 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return held[2] and 1 or 0
"""

END = """
-- Ends a flight. KEYS[1] lease, KEYS[2] questions in flight; ARGV: token, entry id, state (empty:
-- tell nothing), failure, how many flights have failed one after the other, milliseconds to tell it
-- for. Returns 0 when the lease is another's.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('VREM', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1],
    'token', ARGV[1], 'state', ARGV[3], 'failure', ARGV[4], 'failures', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
return 1
"""


class FlightName(NamedTuple):
    """Which entry a flight brings."""

    tenant: str
    partition: str
    entry_id: str

    @property
    def keys(self) -> list[str]:
        """The lease, and the questions in flight beside it."""
        return [redis_names.lease(*self), redis_names.flights(self.tenant, self.partition)]


class Failure(Struct, frozen=True, omit_defaults=True):
    """How the provider failed a flight. `target`: who was asked, and for which model."""

    target: str
    status: int
    code: str
    message: str
    body: bytes | None = None
    retry_after: str = ""


class Sighting(Struct, frozen=True):
    """What a lease says. `token` is empty when there is none; `failures`: of flights one after the
    other, this one included."""

    token: str
    state: State
    failure: Failure | None = None
    failures: int = 0


class NearFlight(Struct, frozen=True):
    """A question in flight, and the cosine of its vector with that of the question asked."""

    name: FlightName
    token: str
    query: str
    similarity: float


class Boarded(Struct, frozen=True):
    """What boarding found: one's own token in `sighting` means that the lease was taken.

    `near` are the flights of similar questions, first those that began first.
    """

    sighting: Sighting
    near: tuple[NearFlight, ...] = ()


class _Created(Struct, frozen=True):
    created: int


class FlightStore:
    """Reads and writes leases. Every method raises CacheUnavailable when Redis does not answer.

    `fast` serves boarding, which a call waits for: `board_seconds` at most.
    """

    def __init__(self, *, fast: Redis, patient: Redis, board_seconds: float) -> None:
        self._fast = fast
        self._patient = patient
        self._board_seconds = board_seconds
        self._board = fast.register_script(BOARD)
        self._renew = patient.register_script(RENEW)
        self._end = patient.register_script(END)

    async def warm(self) -> None:
        """Load the script that calls wait for."""
        try:
            await within(_PATIENCE_SECONDS, self._load())
        except _FAILURES as error:
            raise _unavailable(error) from error

    async def board(
        self,
        name: FlightName,
        *,
        token: str,
        query: str,
        vector: bytes,
        min_similarity: float,
        seen: str,
    ) -> Boarded:
        """Take the lease of `name` under `token`, or tell who has it.

        `seen`: the token of a flight that the caller knows to have ended; its lease is free.
        Without `vector` (float32 bytes) nothing near is looked for.
        """
        args: list[str | int | float | bytes] = [
            token, name.entry_id, _milliseconds(LEASE_SECONDS), query, vector,
            redis_names.lease(name.tenant, name.partition, ""), MAX_NEAR, seen,
            _milliseconds(_FLIGHTS_SECONDS), (1 + min_similarity) / 2 - _ROUNDING,
        ]  # fmt: skip
        try:
            reply = await within(self._board_seconds, self._board(keys=name.keys, args=args))
        except _FAILURES as error:
            raise _unavailable(error) from error
        held, near = cast("tuple[list[bytes | None], list[list[bytes]]]", reply)
        return Boarded(
            sighting=_sighting(*held),
            # In the order in which they were taken, which is the same in every process.
            near=tuple(_near(row, name) for row in sorted(near, key=lambda row: int(row[4]))),
        )

    async def renew(self, leases: Sequence[tuple[FlightName, str]]) -> list[bool | None]:
        """Keep leases (name and token) for longer: whether others wait for each, None when lost."""
        times = [_milliseconds(LEASE_SECONDS), _milliseconds(_FLIGHTS_SECONDS)]
        try:
            async with self._patient.pipeline(transaction=False) as pipe:
                for name, token in leases:
                    await self._renew(keys=name.keys, args=[token, *times], client=pipe)
                replies = cast("list[int]", await pipe.execute())
        except _FAILURES as error:
            raise _unavailable(error) from error
        return [None if reply < 0 else bool(reply) for reply in replies]

    async def end(
        self,
        name: FlightName,
        *,
        token: str,
        state: State | None,
        failure: Failure | None = None,
        failures: int = 0,
    ) -> None:
        """Give the lease up, telling those who wait how the flight ended; None tells nothing."""
        told = msgspec.msgpack.encode(_short(failure)) if failure else b""
        kept = _milliseconds(_REMEMBERED_SECONDS[state]) if state else 0
        args: list[str | int | bytes] = [token, name.entry_id, state or "", told, failures, kept]
        try:
            await within(_PATIENCE_SECONDS, self._end(keys=name.keys, args=args))
        except _FAILURES as error:
            raise _unavailable(error) from error

    async def sight(self, names: Sequence[FlightName]) -> list[Sighting]:
        """What the leases of `names` say now."""
        try:
            rows = await within(_PATIENCE_SECONDS, self._read(names))
        except _FAILURES as error:
            raise _unavailable(error) from error
        return [_sighting(*row) for row in rows]

    async def created(self, name: FlightName) -> int | None:
        """When the entry of `name` was made (epoch seconds); None when there is none."""
        try:
            blob = await self._patient.hget(redis_names.entry(*name), "e")
        except _FAILURES as error:
            raise _unavailable(error) from error
        if blob is None:
            return None
        try:
            return msgspec.msgpack.decode(cast("bytes", blob), type=_Created).created
        except msgspec.MsgspecError as error:
            raise EntryUnreadable("flight", f"unreadable entry: {error}") from error

    async def _load(self) -> None:
        await self._fast.script_load(BOARD)

    async def _read(self, names: Sequence[FlightName]) -> list[list[bytes | None]]:
        pipe = self._fast.pipeline(transaction=False)
        for name in names:
            pipe.hmget(redis_names.lease(*name), ["token", "state", "failure", "failures"])
        return cast("list[list[bytes | None]]", await pipe.execute())


def _sighting(
    token: bytes | None,
    state: bytes | None,
    failure: bytes | None = None,
    failures: bytes | None = None,
) -> Sighting:
    if token is None or state is None:
        return Sighting(token="", state="flying")
    try:
        told = msgspec.msgpack.decode(failure, type=Failure) if failure else None
    except msgspec.MsgspecError as error:
        raise EntryUnreadable("flight", f"unreadable failure: {error}") from error
    return Sighting(
        token=token.decode(),
        state=cast("State", state.decode()),
        failure=told,
        failures=int(failures or 0),
    )


def _near(row: list[bytes], name: FlightName) -> NearFlight:
    entry_id, token, query, score, _since = row
    return NearFlight(
        name=FlightName(name.tenant, name.partition, entry_id.decode()),
        token=token.decode(),
        query=query.decode(),
        # Redis tells (1 + cosine) / 2.
        similarity=min(1.0, 2 * float(score) - 1),
    )


def _short(failure: Failure) -> Failure:
    """`failure` without a body that would be long to keep; the message then stands for it."""
    if failure.body is None or len(failure.body) <= _LONGEST_BODY:
        return failure
    return msgspec.structs.replace(failure, body=None)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _unavailable(error: Exception) -> CacheUnavailable:
    return CacheUnavailable("flight", str(error))
