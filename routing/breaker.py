"""A circuit breaker: after some failures in a row a dependency is left alone until a probe says
that it is back, so that calls do not each pay for its time-out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

_OPENS_AFTER = 3
_PROBE_SECONDS = 0.5
_PROBE_PATIENCE_SECONDS = 0.25


class Breaker:
    """Closed until `opens_after` failures in a row; then open until `probe` succeeds.

    The probe runs in the background: no call is spent on finding out.
    """

    def __init__(
        self,
        name: str,
        *,
        probe: Callable[[], Awaitable[object]],
        opens_after: int = _OPENS_AFTER,
        probe_seconds: float = _PROBE_SECONDS,
    ) -> None:
        self._name = name
        self._probe = probe
        self._opens_after = opens_after
        self._probe_seconds = probe_seconds
        self._failures = 0
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls should go without the dependency."""
        return self._probing is not None

    def succeeded(self) -> None:
        """Note that the dependency answered."""
        self._failures = 0

    def failed(self) -> None:
        """Note a failure; opens the breaker after enough of them in a row."""
        self._failures += 1
        if self._failures >= self._opens_after and self._probing is None:
            logger.warning("breaker.opened dependency=%s", self._name)
            self._probing = asyncio.get_running_loop().create_task(self._probe_until_back())

    async def close(self) -> None:
        """Stop probing."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
            self._probing = None

    async def _probe_until_back(self) -> None:
        while True:
            await asyncio.sleep(self._probe_seconds)
            try:
                async with asyncio.timeout(_PROBE_PATIENCE_SECONDS):
                    await self._probe()
            except Exception as error:  # noqa: BLE001 - whatever fails, the dependency is not back
                logger.debug("breaker.probe_failed dependency=%s error=%s", self._name, error)
                continue
            self._failures = 0
            self._probing = None
            logger.warning("breaker.closed dependency=%s", self._name)
            return
