"""One call for many: of calls that ask the same at the same time, one asks the provider.

Within a process, those who wait share one `Flight`; across processes, a lease in Redis says whose
flight it is. Only holders of a lease are waited for, and a holder never waits for another flight:
so nobody can wait in a circle. Whatever fails here, calls go on without waiting.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from routing.connection import stop_tasks
from routing.errors import CacheUnavailable
from routing.store.flights import (
    LEASE_SECONDS,
    Failure,
    FlightName,
    FlightStore,
    NearFlight,
    Sighting,
    State,
)
from routing.types import StorePlan

logger = logging.getLogger(__name__)

RENEW_SECONDS = 1.0
POLL_SECONDS = 0.025
STORE_SECONDS = 1.0
_TOKEN_BYTES = 12
_TOLD: dict[str, State] = {
    "stored": "stored", "not_stored": "not_stored", "failed": "failed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """How a flight ended.

    stored: look the answer up. not_stored: it was not kept, ask yourself. failed: the provider
    failed. gone: nobody flies any more, and somebody else may. unavailable: it cannot be told.
    `token` is that of the flight. `failures`: how many have failed one after the other.
    """

    kind: Literal["stored", "not_stored", "failed", "gone", "unavailable"]
    token: str = ""
    failure: Failure | None = None
    failures: int = 0


class Flight:
    """A flight that calls of this process wait for, whoever makes it."""

    __slots__ = ("_ended", "name", "token", "waiters")

    def __init__(self, name: FlightName, *, token: str) -> None:
        self.name = name
        self.token = token
        self.waiters = 0
        self._ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it is under way."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self, *, until: float) -> Ending | None:
        """How it ended; None when it has not by `until` (the loop's time)."""
        left = until - asyncio.get_running_loop().time()
        self.waiters += 1
        try:
            # Unlike awaiting it, this leaves the future alone when one who waits is cancelled.
            await asyncio.wait((self._ended,), timeout=max(left, 0))
        finally:
            self.waiters -= 1
        return self.ending

    def end(self, ending: Ending) -> None:
        """Tell those who wait, once."""
        if not self._ended.done():
            self._ended.set_result(ending)


class Lease:
    """The right to bring the answer that others wait for. `Flights.end` or `land` gives it up.

    `ending` is what `end` tells unless it is changed; `landing`: `land` will see to it. `failures`
    is how many flights before this one have failed. `since` is in epoch seconds.
    """

    __slots__ = (
        "awaited_elsewhere", "ending", "failures", "flight", "landing", "near", "since",
        "valid_until",
    )  # fmt: skip

    def __init__(
        self,
        flight: Flight,
        *,
        since: int,
        failures: int = 0,
        near: tuple[NearFlight, ...] = (),
    ) -> None:
        self.flight = flight
        self.since = since
        self.failures = failures
        self.near = near
        self.ending = Ending("not_stored")
        self.landing = False
        self.awaited_elsewhere = False
        self.valid_until = asyncio.get_running_loop().time() + LEASE_SECONDS

    @property
    def awaited(self) -> bool:
        """Whether other calls wait for the answer, as far as is known here."""
        return self.awaited_elsewhere or self.flight.waiters > 0


class Flights:
    """The flights that calls of this process make or wait for.

    `on_error` is told the stage of every cache fault. `clock` gives epoch seconds.
    """

    def __init__(
        self,
        store: FlightStore,
        *,
        on_error: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._on_error = on_error
        self._clock = clock
        self._flights: dict[FlightName, Flight] = {}
        self._watched: dict[FlightName, Flight] = {}
        self._led: set[Lease] = set()
        self._watching: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._giving_up: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Make ready for the first call; Redis may be away."""
        try:
            await self._store.warm()
        except CacheUnavailable as error:
            self._on_error(error.stage)

    async def close(self) -> None:
        """Stop watching. What is still led is given up by its lease's expiry."""
        running = [task for task in (self._watching, self._renewing) if task is not None]
        await stop_tasks(running)
        await asyncio.gather(*self._giving_up)

    async def join(
        self, plan: StorePlan, *, seen: str = "", failures: int = 0, near: bool = True
    ) -> Lease | Flight:
        """The lease of what `plan` would store, or the flight of who has it.

        `seen`: the token of a flight that has ended and is no longer to be waited for; `failures`:
        how many the caller knows to have failed. `near`: whether the lease is to tell of similar
        questions in flight. While Redis does not answer, calls of this process still have one of
        them ask.
        """
        name = FlightName(plan.tenant, plan.partition, plan.entry_id)
        if (flight := self._flights.get(name)) is not None:
            return flight
        flight = self._flights[name] = Flight(name, token=secrets.token_hex(_TOKEN_BYTES))
        vector = (plan.vector or b"") if near else b""
        try:
            boarded = await self._store.board(
                name,
                token=flight.token,
                query=plan.query,
                vector=vector,
                min_similarity=plan.min_similarity,
                seen=seen,
            )
        except CacheUnavailable as error:
            self._on_error(error.stage)
            return Lease(flight, since=int(self._clock()), failures=failures)
        except BaseException:
            # The lease may have been taken already.
            lease = Lease(flight, since=0)
            lease.ending = Ending("gone")
            self.give_up(lease)
            raise
        sighting = boarded.sighting
        if sighting.token == flight.token:
            lease = Lease(flight, since=int(self._clock()), failures=failures, near=boarded.near)
            self._keep_up(lease)
            return lease
        flight.token = sighting.token
        if ending := _ending(sighting, token=flight.token):
            self._over(flight, ending)
        else:
            self._watch(flight)
        return flight

    def follow(self, near: NearFlight) -> Flight:
        """The flight of a similar question, to be waited for."""
        if (flight := self._flights.get(near.name)) is not None:
            return flight
        flight = self._flights[near.name] = Flight(near.name, token=near.token)
        self._watch(flight)
        return flight

    async def land(self, lease: Lease, store: Callable[[], Awaitable[bool]]) -> None:
        """Run `store`, which keeps the answer, and tell those who wait.

        A holder that lost its lease stores all the same, unless someone has since. Calls of this
        process do not wait for a Redis that takes long to store.
        """
        lease.ending = Ending("gone")
        slow = asyncio.get_running_loop().call_later(
            STORE_SECONDS, self._over, lease.flight, Ending("unavailable")
        )
        try:
            if not await self._overtaken(lease):
                lease.ending = Ending("stored" if await store() else "not_stored")
        finally:
            slow.cancel()
            await self.end(lease)

    async def end(self, lease: Lease) -> None:
        """Give `lease` up, telling those who wait its `ending`. Never raises CacheUnavailable."""
        flight, ending = lease.flight, lease.ending
        failures = lease.failures + 1 if ending.kind == "failed" else 0
        self._led.discard(lease)
        try:
            await self._store.end(
                flight.name,
                token=flight.token,
                state=_TOLD.get(ending.kind),
                failure=ending.failure,
                failures=failures,
            )
        except CacheUnavailable as error:
            self._on_error(error.stage)
        finally:
            told = replace(ending, token=flight.token, failures=failures)
            self._over(flight, told)

    def give_up(self, lease: Lease) -> None:
        """`end` in the background."""
        task = asyncio.get_running_loop().create_task(self.end(lease))
        self._giving_up.add(task)
        task.add_done_callback(self._giving_up.discard)

    async def _overtaken(self, lease: Lease) -> bool:
        """Whether the lease was lost and what it was for has been stored by another since."""
        if asyncio.get_running_loop().time() < lease.valid_until:
            return False
        try:
            created = await self._store.created(lease.flight.name)
        except CacheUnavailable as error:
            self._on_error(error.stage)
            return False
        return created is not None and created >= lease.since

    def _over(self, flight: Flight, ending: Ending) -> None:
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]
        if self._watched.get(flight.name) is flight:
            del self._watched[flight.name]
        flight.end(ending)

    def _keep_up(self, lease: Lease) -> None:
        self._led.add(lease)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew())

    def _watch(self, flight: Flight) -> None:
        self._watched[flight.name] = flight
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._poll())

    async def _renew(self) -> None:
        while self._led:
            await asyncio.sleep(RENEW_SECONDS)
            with self._faults_counted():
                await self._renew_once()

    async def _renew_once(self) -> None:
        asked, leases = asyncio.get_running_loop().time(), tuple(self._led)
        awaited = await self._store.renew(
            [(lease.flight.name, lease.flight.token) for lease in leases]
        )
        for lease, waits in zip(leases, awaited, strict=True):
            if waits is None:
                self._led.discard(lease)
            else:
                lease.awaited_elsewhere = waits
                lease.valid_until = asked + LEASE_SECONDS

    async def _poll(self) -> None:
        while self._watched:
            await asyncio.sleep(POLL_SECONDS)
            for flight in tuple(self._watched.values()):
                if flight.waiters == 0:
                    self._over(flight, Ending("unavailable"))
            flights = tuple(self._watched.values())
            endings: list[Ending | None] = [Ending("unavailable")] * len(flights)
            with self._faults_counted():
                sightings = await self._store.sight([flight.name for flight in flights])
                endings = [
                    _ending(sighting, token=flight.token)
                    for flight, sighting in zip(flights, sightings, strict=True)
                ]
            for flight, ending in zip(flights, endings, strict=True):
                if ending is not None:
                    self._over(flight, ending)

    @contextmanager
    def _faults_counted(self) -> Iterator[None]:
        """The edge of a background task, which must go on whatever fails."""
        try:
            yield
        except CacheUnavailable as error:
            self._on_error(error.stage)
        except Exception:
            self._on_error("internal")
            logger.exception("flights.failed")


def _ending(sighting: Sighting, *, token: str) -> Ending | None:
    """What `sighting` says of the flight of `token`; None while it is under way."""
    if sighting.token != token:
        return Ending("gone", token=token)
    if sighting.state == "flying":
        return None
    return Ending(sighting.state, token=token, failure=sighting.failure, failures=sighting.failures)
