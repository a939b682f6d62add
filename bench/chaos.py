"""What apps notice while Redis or the provider fails, under mixed traffic at a steady rate."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import redis
import uvloop

from bench.gateway import bench_snapshot
from bench.load import quantile_ms
from bench.mixed import MixedTraffic, Outcome
from bench.slow_proxy import set_delay
from bench.stack import Stack, free_port, pinned

PROVIDER_MS = 20
PROVIDER_TIMEOUT_SECONDS = 2
_AWAY_SECONDS = 1.0
_RECOVERY_SECONDS = 30.0

# What the gateway says when the fault is its own or the cache's.
_OURS = frozenset(
    {"cache_unavailable", "internal_error", "lost", "no_configuration", "overloaded", "tenant_busy"}
)
_BREAKER = re.compile(
    r"(?m)^(\S+ \S+),(\d{3}) WARNING \S+ breaker\.(opened|closed) dependency=redis"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard and how long. `calm_seconds` come before every fault, which is compared with it."""

    rate: float = 200.0
    calm_seconds: float = 60.0
    fault_seconds: float = 10.0


def run(plan: Plan, *, only: Sequence[str] = (), pin: bool = False) -> dict[str, Any]:
    """Measure every fault, or those that `only` names.

    `pin` would hold the runtime to one core, which this traffic nearly fills.
    """
    wanted = [name for name in FAULTS if not only or name in only]
    faults: dict[str, Any] = {}
    # Redis is asked directly, unless it is to be slow.
    for slow in (False, True):
        names = [name for name in wanted if name.startswith("redis_slow") is slow]
        if names:
            with (
                Stack(pin=pin) as stack,
                asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            ):
                scene = _Scene(stack, plan=plan, slow=slow)
                faults |= runner.run(scene.play(names))
    return {
        "bench": "chaos",
        "pinned": pin and pinned(),
        "requests_per_second": plan.rate,
        "calm_seconds": plan.calm_seconds,
        "fault_seconds": plan.fault_seconds,
        "provider_ms": PROVIDER_MS,
        "failed_for_cache_reasons": sum(
            item["failed_for_cache_reasons"] for item in faults.values()
        ),
        "faults": faults,
    }


class _Scene:
    """One runtime, its Redis and its provider, and what is done to them."""

    def __init__(self, stack: Stack, *, plan: Plan, slow: bool) -> None:
        self._stack = stack
        self._plan = plan
        self._control_port = free_port()
        stack.start_redis()
        stack.publish(bench_snapshot())
        self._sandbox_port = stack.start_sandbox()
        self.provider(latency_ms=PROVIDER_MS)
        self._runtime_port = stack.start_runtime(
            sandbox_port=self._sandbox_port,
            REDIS_URL=self._proxied() if slow else stack.redis_url,
            PROVIDER_TIMEOUT_SECONDS=str(PROVIDER_TIMEOUT_SECONDS),
        )

    async def play(self, names: Sequence[str]) -> dict[str, Any]:
        """The faults one after the other, with the same calls."""
        traffic = MixedTraffic(self._runtime_port)
        try:
            await traffic.warm()
            return {name: await self._play(name, traffic) for name in names}
        finally:
            traffic.close()

    async def _play(self, name: str, traffic: MixedTraffic) -> dict[str, Any]:
        plan = self._plan
        calm = await traffic.run(rate=plan.rate, seconds=plan.calm_seconds)
        async with FAULTS[name](self):
            begun = time.time()
            during = await traffic.run(rate=plan.rate, seconds=plan.fault_seconds)
        recovered = await _seconds_until(traffic.is_known)
        if name.startswith("provider"):
            await _seconds_until(traffic.is_answered)
        openings = _openings(self._stack.directory / "log", since=begun)
        open_at = [any(a <= item.started < b for a, b in openings) for item in during]
        early = [item for item, is_open in zip(during, open_at, strict=True) if not is_open]
        late = [item for item, is_open in zip(during, open_at, strict=True) if is_open]
        blind = name.startswith("provider")
        base = _spent(calm, hits_only=blind)
        failed = Counter(_failure(item, provider_fails=blind) for item in during)
        return {
            "calls": len(during),
            "layers": dict(Counter(item.layer or "none" for item in during)),
            "failed_for_cache_reasons": failed["cache"],
            "failed_by_provider": failed["provider"],
            "errors": dict(Counter(f"{i.status} {i.error}" for i in during if i.error)),
            "calm": {"calls": len(base), "p50_ms": quantile_ms(base, 0.5)}
            | {"p99_ms": quantile_ms(base, 0.99)},
            "breaker_opened": len(openings),
            "breaker_closed": _added(_spent(early, hits_only=blind), base),
            "breaker_open": _added(_spent(late, hits_only=blind), base),
            "seconds_until_hits": round(recovered, 2),
        }

    def provider(self, **behaviour: float) -> None:
        """Change how the provider behaves."""
        url = f"http://127.0.0.1:{self._sandbox_port}/control"
        with urllib.request.urlopen(url, data=msgspec.json.encode(behaviour), timeout=5):
            pass

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """A Redis that takes connections and answers nothing."""
        self._stack.signal_redis(signal.SIGSTOP)
        try:
            yield
        finally:
            self._stack.signal_redis(signal.SIGCONT)

    @asynccontextmanager
    async def slow(self, milliseconds: float) -> AsyncIterator[None]:
        """A Redis whose answers take so much longer."""
        set_delay(self._control_port, milliseconds=milliseconds)
        try:
            yield
        finally:
            set_delay(self._control_port, milliseconds=0)

    @asynccontextmanager
    async def full(self) -> AsyncIterator[None]:
        """A Redis that takes no more, and evicts nothing; the runtime's collector will."""
        with redis.Redis.from_url(self._stack.redis_url) as client:
            client.config_set("maxmemory", client.info("memory")["used_memory"])
            try:
                yield
            finally:
                client.config_set("maxmemory", "0")

    @asynccontextmanager
    async def restarted(self) -> AsyncIterator[None]:
        """A Redis that is killed a second into the fault, and comes back a second later."""

        def restart() -> None:
            time.sleep(_AWAY_SECONDS)
            self._stack.restart_redis(away_seconds=_AWAY_SECONDS)

        restarting = asyncio.create_task(asyncio.to_thread(restart))
        try:
            yield
        finally:
            await restarting

    @asynccontextmanager
    async def failing(self, **rates: float) -> AsyncIterator[None]:
        """A provider with faults."""
        self.provider(**rates)
        try:
            yield
        finally:
            self.provider(**dict.fromkeys(rates, 0.0))

    def _proxied(self) -> str:
        port = free_port()
        ports = {
            "--port": port,
            "--control-port": self._control_port,
            "--target-port": self._stack.redis_port,
        }
        words = (str(word) for pair in ports.items() for word in pair)
        self._stack.run(sys.executable, "-m", "bench.slow_proxy", *words)
        _wait_for_port(self._control_port)
        return f"redis://127.0.0.1:{port}/0"


FAULTS: Mapping[str, Callable[[_Scene], Any]] = {
    "redis_paused": lambda scene: scene.paused(),
    "redis_full": lambda scene: scene.full(),
    "redis_restarted": lambda scene: scene.restarted(),
    "provider_hanging": lambda scene: scene.failing(hang_rate=1.0),
    "provider_failing": lambda scene: scene.failing(error_rate=0.1),
    "redis_slow_10ms": lambda scene: scene.slow(10),
    "redis_slow_100ms": lambda scene: scene.slow(100),
    "redis_slow_500ms": lambda scene: scene.slow(500),
}


def _spent(outcomes: Sequence[Outcome], *, hits_only: bool) -> list[float]:
    """Seconds that the gateway took for itself: of a call to the provider, all but its time."""
    return [
        item.seconds - (0.0 if item.kind != "miss" and hits_only else _provider_seconds(item))
        for item in outcomes
        if not (hits_only and item.kind == "miss")
    ]


def _provider_seconds(item: Outcome) -> float:
    return PROVIDER_MS / 1000 if item.layer == "none" else 0.0


def _added(seconds: Sequence[float], calm: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    return {
        "calls": len(seconds),
        "p50_added_ms": round(quantile_ms(seconds, 0.5) - quantile_ms(calm, 0.5), 3),
        "p99_added_ms": round(quantile_ms(seconds, 0.99) - quantile_ms(calm, 0.99), 3),
        "max_ms": quantile_ms(seconds, 1.0),
    }


def _failure(item: Outcome, *, provider_fails: bool) -> str:
    """Whose fault a failure is; while the provider is well, it is nobody's but ours."""
    if item.status == 200 and not item.error:
        return ""
    if not provider_fails or item.error in _OURS:
        return "cache"
    return "provider"


def _openings(log: Path, *, since: float) -> list[tuple[float, float]]:
    """When the breaker was open, in epoch seconds."""
    openings: list[tuple[float, float]] = []
    for day_and_time, milliseconds, what in _BREAKER.findall(log.read_text(errors="replace")):
        # Log lines tell local time.
        at = datetime.fromisoformat(day_and_time).astimezone().timestamp()
        at += int(milliseconds) / 1000
        if what == "opened":
            openings.append((at, float("inf")))
        elif openings:
            openings[-1] = (openings[-1][0], at)
    return [(opened, closed) for opened, closed in openings if closed >= since]


async def _seconds_until(holds: Callable[[], Awaitable[bool]]) -> float:
    started = time.monotonic()
    while not await holds():
        if time.monotonic() - started > _RECOVERY_SECONDS:
            raise TimeoutError("it did not recover")
        await asyncio.sleep(0.02)
    return time.monotonic() - started


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
