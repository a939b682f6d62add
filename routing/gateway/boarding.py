"""Whether a miss asks the provider, or waits for a call that asks the same already."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from routing.errors import ProviderError
from routing.flights import Ending, Flight, Flights, Lease
from routing.layers.semantic import would_share
from routing.providers.openai import ProviderRefusal
from routing.providers.targets import Target
from routing.store.flights import Failure, NearFlight
from routing.telemetry import metrics
from routing.types import Lookup, StorePlan

logger = logging.getLogger(__name__)

MAX_FAILURES = 3
"""Flights that may fail a call: the one it waited for and two that took over."""

_MAX_ROUNDS = 10
_TRANSIENT = frozenset({408, 409, 429})


@dataclass(frozen=True, slots=True)
class Boarded:
    """How a miss goes on: with an answer in `lookup`, else to the provider.

    `lease`, when there is one, must be given up (`Flights.end` or `land`).
    """

    lookup: Lookup
    lease: Lease | None = None
    waited: bool = False


@dataclass(frozen=True, slots=True)
class Passenger:
    """One miss. `look_again` asks the cache once more; `patience` is entered while it waits, and
    may end the waiting."""

    lookup: Lookup
    target: Target
    look_again: Callable[[], Awaitable[Lookup]]
    patience: Callable[[], AbstractAsyncContextManager[object]]


class Boarding:
    """Lets one of the calls that ask the same ask the provider; the others wait for its answer.

    They wait `wait_seconds` at most, and go alone then. A provider that fails is asked by one call
    after the other, not by all at once; after `MAX_FAILURES` those who still wait get its error.
    """

    def __init__(self, flights: Flights, *, wait_seconds: float) -> None:
        self._flights = flights
        self._wait_seconds = wait_seconds

    async def board(self, passenger: Passenger) -> Boarded:
        """How `passenger` goes on. Raises ProviderError when the provider fails the others, and
        whatever `patience` raises."""
        trip = _Trip(passenger, until=asyncio.get_running_loop().time() + self._wait_seconds)
        for _ in range(_MAX_ROUNDS):
            plan = trip.lookup.plan
            if plan is None:
                break
            joined = await self._flights.join(
                plan, seen=trip.seen, failures=trip.failures, near=trip.looks_near
            )
            flight = joined if isinstance(joined, Flight) else await self._yielded(joined, plan)
            if flight is None:
                assert isinstance(joined, Lease)  # what is not yielded is a lease
                return Boarded(trip.lookup, lease=joined, waited=trip.waited)
            if not await trip.wait(flight, own=flight is joined) or trip.lookup.answer is not None:
                break
        return Boarded(trip.lookup, waited=trip.waited)

    async def _yielded(self, lease: Lease, plan: StorePlan) -> Flight | None:
        """The flight of a similar question whose answer would do, instead of `lease`.

        Who came later yields to who came earlier, and holds nothing while it waits.
        """
        near = _sharing(lease.near, plan)
        if near is None:
            return None
        lease.ending = Ending("gone")
        await self._flights.end(lease)
        return self._flights.follow(near)


class _Trip:
    """One passenger's way through the flights of others."""

    def __init__(self, passenger: Passenger, *, until: float) -> None:
        self._passenger = passenger
        self._until = until
        self.failures = 0
        # An answer of its own, though old, is better than asking a provider that fails.
        self._failures_allowed = 1 if passenger.lookup.stale is not None else MAX_FAILURES
        self.lookup = passenger.lookup
        self.seen = ""
        self.looks_near = True
        self.waited = False

    async def wait(self, flight: Flight, *, own: bool) -> bool:
        """Wait for `flight`; False when there is nothing more to wait for.

        `own`: it asks the very same, not only something similar. Raises ProviderError.
        """
        ending = flight.ending
        if waiting := ending is None:
            self.waited = True
            async with self._passenger.patience():
                ending = await flight.wait(until=self._until)
        if ending is None or ending.kind == "unavailable":
            return False
        if own:
            self.seen = ending.token
        if ending.kind == "failed":
            return self._outlives(ending, waiting=waiting)
        if ending.kind == "stored":
            self.looks_near = False
            self.lookup = await self._passenger.look_again()
        elif ending.kind == "not_stored":
            self.looks_near = False
            return not own
        return True

    def _outlives(self, ending: Ending, *, waiting: bool) -> bool:
        """Whether to try another flight after one that the provider failed.

        A failure before this call came does not count. One between two looks at the lease does,
        of which the next flight tells.
        """
        if waiting or self.failures:
            self.failures = max(self.failures + 1, ending.failures)
        if self.failures < self._failures_allowed:
            return True
        failure = ending.failure
        if failure is not None and failure.target == _described(self._passenger.target):
            raise _error_of(failure)
        return False


def _sharing(flights: tuple[NearFlight, ...], plan: StorePlan) -> NearFlight | None:
    """The first of `flights` whose answer would be served for the plan's query.

    The one that began first is the one least likely to yield to another itself.
    """
    try:
        for near in flights:
            if would_share(plan, near.query, similarity=near.similarity):
                return near
    except Exception:
        # No fault of ours may fail an app's call, nor leave others waiting for it.
        metrics.cache_error("internal")
        logger.exception("boarding.comparison_failed policy=%s", plan.policy)
    return None


def failed(error: ProviderError, *, target: Target) -> Ending:
    """What those who wait are told of `error`.

    A refusal that lies in the call itself may not concern the others: each asks for itself.
    """
    if not is_outage(error):
        return Ending("not_stored")
    return Ending(
        "failed",
        failure=Failure(
            target=_described(target),
            status=error.status,
            code=error.code,
            message=error.message,
            body=error.body,
            retry_after=error.retry_after if isinstance(error, ProviderRefusal) else "",
        ),
    )


def is_outage(error: ProviderError) -> bool:
    """Whether `error` says that the provider cannot answer now, not that the call is wrong."""
    return error.status >= 500 or error.status in _TRANSIENT


def _error_of(failure: Failure) -> ProviderError:
    if failure.retry_after or failure.body is not None:
        return ProviderRefusal(
            status=failure.status,
            code=failure.code,
            body=failure.body,
            retry_after=failure.retry_after,
        )
    return ProviderError(failure.message, status=failure.status, code=failure.code)


def _described(target: Target) -> str:
    return f"{target.provider} {target.base_url} {target.model}"
