"""Many calls that ask the same at once: what a provider sees of them, with and without waiting for
one another."""

from __future__ import annotations

import asyncio
import random
import signal
import time
import urllib.request
from collections import Counter, deque
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any

import msgspec
import uvloop

from bench.gateway import bench_snapshot, encode
from bench.load import Reply, parse_reply, quantile_ms
from bench.stack import Runtime, Stack
from bench.traffic import unlike_questions
from routing.snapshot import DocumentConfig, Snapshot

CALLS = 200
RATE = 200
HOT_QUESTIONS = 100
PROVIDER_MS = 500
_PHASE_SECONDS = 5.0
_HEAD_START_SECONDS = 0.25
_DOCUMENT = "manual"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call went; `layer` is ``lost`` when its connection broke off."""

    layer: str
    status: int
    seconds: float
    started: float = 0.0


def run(*, rounds: int) -> dict[str, Any]:
    """Measure identical misses, the same with a killed holder, and a bump under load."""
    with Stack(pin=False) as stack:
        stack.start_redis()
        bench = _Stampede(stack)
        bench.publish(single_flight=True)
        bench.start()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            identical = [runner.run(bench.identical(number)) for number in range(rounds)]
            killed = runner.run(bench.killed_holder())
            bump = runner.run(bench.bump(single_flight=True))
            without = runner.run(bench.bump(single_flight=False))
    return {
        "bench": "stampede",
        "runtimes": 2,
        "provider_ms": PROVIDER_MS,
        "identical_misses": {"calls": CALLS, "rounds": identical},
        "holder_killed": killed,
        "bump": {
            "questions": HOT_QUESTIONS,
            "requests_per_second": RATE,
            "single_flight": bump,
            "without": without,
        },
    }


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Stampede:
    """Two runtimes in front of one slow sandbox."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._sandbox = ""
        self._runtimes: list[Runtime] = []
        self._revision = 0
        self._version = 1

    def start(self) -> None:
        """Start the processes."""
        port = self._stack.start_sandbox()
        self._sandbox = f"http://127.0.0.1:{port}"
        self._control(latency_ms=PROVIDER_MS)
        self._runtimes = [
            self._stack.start_named_runtime(name, sandbox_port=port) for name in ("one", "two")
        ]

    def publish(self, *, single_flight: bool) -> None:
        """Put the next revision in force."""
        self._revision += 1
        self._stack.publish(
            _snapshot(self._revision, version=self._version, single_flight=single_flight)
        )

    async def identical(self, number: int) -> dict[str, Any]:
        """`CALLS` calls for one question nobody has asked, all at once, over both runtimes."""
        [question] = islice(unlike_questions(1_000 + number), 1)
        [data] = encode([question])
        before = self._provider_calls()
        async with _Callers() as callers:
            ports = [self._runtimes[index % 2].port for index in range(CALLS)]
            await callers.open(ports)
            outcomes = await asyncio.gather(*(callers.call(port, data) for port in ports))
        return self._summary(outcomes, before=before)

    async def killed_holder(self) -> dict[str, Any]:
        """The same, with the process killed whose call is asking the provider for all."""
        [question] = islice(unlike_questions(2_000), 1)
        [data] = encode([question])
        before = self._provider_calls()
        holder, other = self._runtimes
        async with _Callers() as callers:
            ports = [holder.port, *[self._runtimes[index % 2].port for index in range(CALLS - 1)]]
            await callers.open(ports)
            first = asyncio.create_task(callers.call(holder.port, data))
            await asyncio.sleep(_HEAD_START_SECONDS / 2)
            others = [asyncio.create_task(callers.call(port, data)) for port in ports[1:]]
            await asyncio.sleep(_HEAD_START_SECONDS / 2)
            holder.process.send_signal(signal.SIGKILL)
            outcomes = [await first, *[await call for call in others]]
        holder.process.wait()
        self._runtimes = [self._stack.start_named_runtime("three", sandbox_port=self._port), other]
        return self._summary(outcomes, before=before)

    async def bump(self, *, single_flight: bool) -> dict[str, Any]:
        """A hot set under load, and its document bumped in the middle."""
        self.publish(single_flight=single_flight)
        requests = encode(list(islice(unlike_questions(3), HOT_QUESTIONS)))
        async with _Callers() as callers:
            await callers.open([self._runtimes[0].port] * 20 + [self._runtimes[1].port] * 20)
            await self._warm(callers, requests)
            load = asyncio.create_task(self._load(callers, requests, seconds=2 * _PHASE_SECONDS))
            await asyncio.sleep(_PHASE_SECONDS)
            before = self._provider_calls()
            self._version += 1
            bumped = time.perf_counter()
            self.publish(single_flight=single_flight)
            outcomes = await load
        early = [item for item in outcomes if item.started < bumped]
        late = [item for item in outcomes if item.started >= bumped]
        return {
            "before": self._summary(early, before=before, calls=0),
            "after": self._summary(late, before=before),
        }

    async def _warm(self, callers: _Callers, requests: list[bytes]) -> None:
        """Ask every question until it is answered from the cache."""
        for data in requests:
            await callers.call(self._runtimes[0].port, data)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            outcomes = [await callers.call(self._runtimes[1].port, data) for data in requests]
            if all(item.layer == "exact" for item in outcomes):
                return
        raise TimeoutError("the hot set was not stored")

    async def _load(
        self, callers: _Callers, requests: list[bytes], *, seconds: float
    ) -> list[Outcome]:
        """`RATE` calls a second, some questions far more often than others."""
        source = random.Random(11)
        weights = list(accumulate(1 / (rank + 1) for rank in range(len(requests))))
        loop = asyncio.get_running_loop()
        started, calls = loop.time(), []
        for number in range(int(RATE * seconds)):
            await asyncio.sleep(max(0.0, started + number / RATE - loop.time()))
            [data] = source.choices(requests, cum_weights=weights)
            port = self._runtimes[number % 2].port
            calls.append(asyncio.create_task(callers.call(port, data)))
        return [await call for call in calls]

    def _summary(
        self, outcomes: list[Outcome], *, before: int, calls: int | None = None
    ) -> dict[str, Any]:
        answered = [item.seconds for item in outcomes if item.layer != "lost"]
        return {
            "provider_calls": self._provider_calls() - before if calls is None else calls,
            "layers": dict(Counter(item.layer for item in outcomes)),
            "failed": sum(item.status >= 400 for item in outcomes),
            "p50_ms": quantile_ms(answered, 0.5),
            "p99_ms": quantile_ms(answered, 0.99),
        }

    @property
    def _port(self) -> int:
        return int(self._sandbox.rpartition(":")[2])

    def _provider_calls(self) -> int:
        """What the sandbox's own meter has counted; a call under way is not in it yet."""
        with urllib.request.urlopen(f"{self._sandbox}/meter", timeout=5) as reply:  # noqa: S310
            return int(msgspec.json.decode(reply.read())["total"]["calls"])

    def _control(self, **behaviour: float) -> None:
        body = msgspec.json.encode(behaviour)
        url = f"{self._sandbox}/control"
        with urllib.request.urlopen(url, data=body, timeout=5):  # noqa: S310 - ours
            pass


class _Callers:
    """Keep-alive connections to the runtimes, opened when all of a port's are busy."""

    def __init__(self) -> None:
        self._idle: dict[int, deque[_Stream]] = {}

    async def __aenter__(self) -> _Callers:
        return self

    async def __aexit__(self, *_error: object) -> None:
        for streams in self._idle.values():
            for _reader, writer in streams:
                writer.close()

    async def open(self, ports: list[int]) -> None:
        """Open a connection for each of `ports`."""
        for port in ports:
            stream = await asyncio.open_connection("127.0.0.1", port)
            self._idle.setdefault(port, deque()).append(stream)

    async def call(self, port: int, data: bytes) -> Outcome:
        """Send one request and read its answer."""
        idle = self._idle.setdefault(port, deque())
        started = time.perf_counter()
        reply: Reply | None = None
        if idle:
            # A server may close a connection that has been idle for long, just as it is used again.
            reply = await self._exchange(idle.pop(), data, idle)
        if reply is None:
            try:
                stream = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return Outcome("lost", 0, time.perf_counter() - started, started)
            reply = await self._exchange(stream, data, idle)
        seconds = time.perf_counter() - started
        if reply is None:
            return Outcome("lost", 0, seconds, started)
        return Outcome(reply.header("x-cache-layer") or "error", reply.status, seconds, started)

    async def _exchange(self, stream: _Stream, data: bytes, idle: deque[_Stream]) -> Reply | None:
        """The reply, of which only the head is kept; None when the connection broke off."""
        reader, writer = stream
        try:
            writer.write(data)
            reply = parse_reply(await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(int(reply.header("content-length")))
        except (OSError, EOFError):
            writer.close()
            return None
        idle.append(stream)
        return reply


def _snapshot(revision: int, *, version: int, single_flight: bool) -> Snapshot:
    """The benchmark's tenant, whose policy rests on a document."""
    base = bench_snapshot(revision)
    [tenant] = base.tenants
    [policy] = tenant.policies
    rests = msgspec.structs.replace(
        policy, documents=(_DOCUMENT,), single_flight=single_flight, ttl_seconds=3600
    )
    document = DocumentConfig(uid="document", slug=_DOCUMENT, version=version)
    changed = msgspec.structs.replace(tenant, policies=(rests,), documents=(document,))
    return msgspec.structs.replace(base, tenants=(changed,))
