"""A circuit breaker: a dependency that goes on failing is left alone until a probe says that it is
back, so that calls do not each pay for its time-out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

_OPENS_AFTER_FAILURES = 3
_OPENS_AFTER_SECONDS = 0.1
_FIRST_PROBE_SECONDS = 0.05
_LAST_PROBE_SECONDS = 1.0
_PROBE_PATIENCE_SECONDS = 0.25
_RELAPSE_SECONDS = 5.0


class Breaker:
    """Open after `opens_after` failures in a row that span `seconds`, until `probe` succeeds.

    One pause of the dependency fails all calls that wait for it at that moment; that alone is no
    outage, so the failures must also last. The probe runs in the background, sooner after a short
    outage than in a long one: no call is spent on finding out. Each probe has `patience` seconds,
    and the pauses between them grow to `longest_pause`. A dependency that fails again soon after it
    came back is left alone for longer each time, so that one that is neither well nor gone costs
    few calls.
    """

    def __init__(
        self,
        name: str,
        *,
        probe: Callable[[], Awaitable[object]],
        opens_after: int = _OPENS_AFTER_FAILURES,
        seconds: float = _OPENS_AFTER_SECONDS,
        patience: float = _PROBE_PATIENCE_SECONDS,
        longest_pause: float = _LAST_PROBE_SECONDS,
    ) -> None:
        self._name = name
        self._probe = probe
        self._opens_after = opens_after
        self._seconds = seconds
        self._patience = patience
        self._longest_pause = longest_pause
        self._failures = 0
        self._failing_since = 0.0
        self._pause = _FIRST_PROBE_SECONDS
        self._closed_at = float("-inf")
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls should go without the dependency."""
        return self._probing is not None

    def succeeded(self) -> None:
        """Note that the dependency answered."""
        self._failures = 0

    def failed(self) -> None:
        """Note a failure; opens the breaker once they have lasted."""
        loop = asyncio.get_running_loop()
        if self._failures == 0:
            self._failing_since = loop.time()
        self._failures += 1
        lasted = loop.time() - self._failing_since >= self._seconds
        if self._probing is None and lasted and self._failures >= self._opens_after:
            logger.warning("breaker.opened dependency=%s", self._name)
            if loop.time() - self._closed_at > _RELAPSE_SECONDS:
                self._pause = _FIRST_PROBE_SECONDS
            self._probing = loop.create_task(self._probe_until_back())

    async def close(self) -> None:
        """Stop probing."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
            self._probing = None

    async def _probe_until_back(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, self._longest_pause)
            try:
                async with asyncio.timeout(self._patience):
                    await self._probe()
            except Exception as error:  # noqa: BLE001 - whatever fails, the dependency is not back
                logger.debug("breaker.probe_failed dependency=%s error=%s", self._name, error)
                continue
            self._failures = 0
            self._probing = None
            self._closed_at = asyncio.get_running_loop().time()
            logger.warning("breaker.closed dependency=%s", self._name)
            return
