"""A load generator that costs little: raw sockets, kept alive, whole requests written at once."""

from __future__ import annotations

import asyncio
import math
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """A POST of JSON with an app key."""

    path: str
    body: bytes
    key: str
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self, host: str) -> bytes:
        """The bytes as they go over the wire."""
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: {host}",
            f"Authorization: Bearer {self.key}",
            "Content-Type: application/json",
            *(f"{name}: {value}" for name, value in self.headers),
            f"Content-Length: {len(self.body)}",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the head as it is, header names in lower case only when asked for."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.head[9:12])

    def header(self, name: str) -> str:
        """The value of `name`, empty when it is not there."""
        found = re.search(rb"(?im)^" + name.encode() + rb": *([^\r\n]*)", self.head)
        return found[1].decode("latin-1") if found else ""


def parse_reply(head: bytes) -> Reply:
    """A reply of which only the head is known."""
    return Reply(head, b"")


class Connection:
    """One blocking keep-alive connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, data: bytes) -> Reply:
        """Send one request and read its reply whole."""
        self._socket.sendall(data)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head, body = received[:end], received[end + 4 :]
        found = _LENGTH.search(head)
        if found is None:
            raise ValueError(f"no Content-Length in {head!r}")
        while len(body) < int(found[1]):
            body += self._receive()
        return Reply(head, body)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency of calls made one after the other, in milliseconds, and their layers."""

    p50_ms: float
    p99_ms: float
    calls: int
    layers: dict[str, int]


def measure_latency(port: int, requests: Iterable[bytes]) -> Latency:
    """Send `requests` one at a time. Raises ValueError on any status but 200."""
    connection = Connection(port)
    seconds, layers = [], dict[str, int]()
    try:
        for request in requests:
            started = time.perf_counter()
            reply = connection.exchange(request)
            seconds.append(time.perf_counter() - started)
            if reply.status != 200:
                raise ValueError(f"status {reply.status}: {reply.body[:300]!r}")
            layer = reply.header("x-cache-layer")
            layers[layer] = layers.get(layer, 0) + 1
    finally:
        connection.close()
    return Latency(
        p50_ms=quantile_ms(seconds, 0.5),
        p99_ms=quantile_ms(seconds, 0.99),
        calls=len(seconds),
        layers=layers,
    )


def quantile_ms(seconds: Sequence[float], share: float) -> float:
    """The value in milliseconds that `share` of `seconds` do not exceed."""
    ordered = sorted(seconds)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000, 3)


def measure_throughput(
    port: int, requests: Sequence[bytes], *, connections: int, seconds: float
) -> float:
    """Requests answered per second by `connections` at once, each sending as it is answered.

    `requests` are sent in turn, from the start again after the last.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_throughput(port, requests, connections=connections, seconds=seconds))


def measure_with_wrk(port: int, request: Request, *, connections: int, seconds: float) -> float:
    """The same by wrk, for one unchanging request. Raises ValueError when a reply is not 2xx."""
    script = _wrk_script(request)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        url = f"http://127.0.0.1:{port}{request.path}"
        size = ["-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s"]
        done = subprocess.run(
            ["wrk", *size, "-s", file.name, url], capture_output=True, text=True, check=True
        )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise ValueError(done.stdout)
    found = re.search(r"Requests/sec: *([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


def has_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def _wrk_script(request: Request) -> str:
    headers = [("Authorization", f"Bearer {request.key}"), ("Content-Type", "application/json")]
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in [*headers, *request.headers]]
    return "\n".join(['wrk.method = "POST"', f"wrk.body = [==[{request.body.decode()}]==]", *lines])


class _Turn:
    """Which request is next, and how many were answered."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._sent = 0
        self.answered = 0

    def next(self) -> bytes:
        request = self._requests[self._sent % len(self._requests)]
        self._sent += 1
        return request


class _Caller(asyncio.Protocol):
    """One connection that sends the next request as soon as the last is answered."""

    def __init__(self, turn: _Turn) -> None:
        self._turn = turn
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports only behave like asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._turn.next())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(self._buffer, 0, end)
        if found is None or not self._buffer.startswith(b"HTTP/1.1 200"):
            raise ValueError(f"unexpected reply {self._buffer[:300]!r}")
        if len(self._buffer) < end + 4 + int(found[1]):
            return
        self._buffer = b""
        self._turn.answered += 1
        assert self._transport is not None
        self._transport.write(self._turn.next())


async def _throughput(
    port: int, requests: Sequence[bytes], *, connections: int, seconds: float
) -> float:
    loop = asyncio.get_running_loop()
    failures: list[str] = []
    loop.set_exception_handler(lambda _loop, context: failures.append(str(context)))
    turn = _Turn(requests)
    callers = [
        await loop.create_connection(lambda: _Caller(turn), "127.0.0.1", port)
        for _ in range(connections)
    ]
    before, started = turn.answered, time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (turn.answered - before) / (time.perf_counter() - started)
    for transport, _ in callers:
        transport.abort()
    if failures:
        raise ValueError(failures[0])
    return rate
