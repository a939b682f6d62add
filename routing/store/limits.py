"""Whose use has to be kept account of, because a limit may call for eviction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from routing.active import ActiveConfig
from routing.snapshot import Eviction
from routing.store.memory import MemoryWatch


@dataclass(frozen=True, slots=True)
class OverallLimits:
    """How much all tenants together may keep; 0 = no limit."""

    max_entries: int = 0
    max_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.max_entries or self.max_bytes)


class LimitBook:
    """Which limits hold for whom; `active` gives the configuration in force."""

    def __init__(
        self,
        *,
        active: Callable[[], ActiveConfig | None],
        overall: OverallLimits,
        memory: MemoryWatch,
    ) -> None:
        self._active = active
        self._memory = memory
        self.overall = overall

    def eviction(self, tenant: str) -> Eviction | None:
        """In which order entries of `tenant` would go; None when nothing limits them."""
        active = self._active()
        known = active.tenants.get(tenant) if active else None
        if known is None:
            return None
        limits = known.config.limits
        own = limits.max_entries or limits.max_bytes
        limited = own or self.overall or self._memory.share is not None
        return limits.eviction if limited else None
