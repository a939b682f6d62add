"""How many calls may be under way: beyond it, a call is refused at once with the time to come back.

A gateway that takes everything ends by answering nobody. What is refused costs microseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from routing.errors import CallError
from routing.telemetry import metrics

RETRY_AFTER_SECONDS = 1


class Pressure:
    """Counts the calls under way, of each tenant and of all.

    `most` bounds all calls, `most_per_tenant` those of one tenant, so that none can take the place
    of the others.
    """

    def __init__(self, *, most: int, most_per_tenant: int) -> None:
        self._most = most
        self._most_per_tenant = most_per_tenant
        self._by_tenant: Counter[str] = Counter()
        self._all = 0

    @contextmanager
    def call_of(self, tenant: str) -> Iterator[None]:
        """Hold a place for one call of `tenant` (its uid).

        Raises CallError: 503 when the gateway is full, 429 when the tenant's share of it is.
        """
        if self._all >= self._most:
            metrics.call_refused("overloaded")
            raise CallError(
                "The gateway has too many calls under way; try again in a second.",
                status=503,
                code="overloaded",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        if self._by_tenant[tenant] >= self._most_per_tenant:
            metrics.call_refused("tenant_busy")
            raise CallError(
                f"Your tenant has {self._most_per_tenant} calls under way; try again in a second.",
                status=429,
                code="tenant_busy",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        self._all += 1
        self._by_tenant[tenant] += 1
        try:
            yield
        finally:
            self._all -= 1
            self._by_tenant[tenant] -= 1
            if not self._by_tenant[tenant]:
                del self._by_tenant[tenant]
