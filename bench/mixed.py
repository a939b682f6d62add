"""Mixed traffic at a steady rate: hits of every layer, misses, streams, and how each call went."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import deque
from dataclasses import dataclass

import msgspec

from bench.gateway import FAQ, chat_request
from bench.load import Request, parse_reply
from bench.traffic import SEEDS, rephrasings, unlike_questions

STREAMED_SHARE = 0.2
KINDS = {"faq": 0.2, "exact": 0.2, "semantic": 0.2, "miss": 0.4}
"""What of the traffic each layer should answer while all is well."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CODE = re.compile(rb'"code": ?"([a-z0-9_]+)"')
_CALL_SECONDS = 60.0
_REPHRASINGS = 200

_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call went. `started` is in epoch seconds; `status` is 0 when its connection broke
    off or it never ended; `error` is the code of what the app was told instead of an answer."""

    kind: str
    layer: str
    status: int
    error: str
    started: float
    seconds: float


class MixedTraffic:
    """Calls to one runtime over connections that are kept alive."""

    def __init__(self, port: int, *, seed: int = 1) -> None:
        self._port = port
        self._idle: deque[_Stream] = deque()
        self._source = random.Random(seed)
        self._fresh = unlike_questions(seed)
        self._similar: list[str] = []

    async def run(self, *, rate: float, seconds: float) -> list[Outcome]:
        """`rate` calls a second, whether earlier ones have been answered or not."""
        loop = asyncio.get_running_loop()
        started, calls = loop.time(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - loop.time()))
            calls.append(asyncio.create_task(self._draw()))
        return [await call for call in calls]

    async def warm(self) -> None:
        """Ask what is to be known until it comes from the cache, and find what is like it."""
        deadline = time.monotonic() + 30
        for seed in SEEDS:
            while (await self._call("exact", seed, streamed=False)).layer != "exact":
                if time.monotonic() > deadline:
                    raise TimeoutError("an answer was not stored")
                await asyncio.sleep(0.05)
        for text in rephrasings()[:_REPHRASINGS]:
            if (await self._call("semantic", text, streamed=False)).layer == "semantic":
                self._similar.append(text)

    async def is_known(self) -> bool:
        """Whether what is known, or was evicted meanwhile and asked again, comes from the cache."""
        outcome = await self._call("exact", SEEDS[0], streamed=False)
        return outcome.layer in ("exact", "semantic")

    async def is_answered(self) -> bool:
        """Whether the provider answers what is not known."""
        return (await self._call("miss", next(self._fresh), streamed=False)).status == 200

    def close(self) -> None:
        """Close the connections."""
        for _reader, writer in self._idle:
            writer.close()

    async def _draw(self) -> Outcome:
        [kind] = self._source.choices(list(KINDS), list(KINDS.values()))
        question = {
            "faq": lambda: FAQ,
            "exact": lambda: self._source.choice(SEEDS),
            "semantic": lambda: self._source.choice(self._similar),
            "miss": lambda: next(self._fresh),
        }[kind]()
        return await self._call(kind, question, streamed=self._source.random() < STREAMED_SHARE)

    async def _call(self, kind: str, question: str, *, streamed: bool) -> Outcome:
        data = _request(question, streamed=streamed).encode("127.0.0.1")
        began, started = time.time(), time.perf_counter()
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                head, body = await self._exchange(data)
        except (OSError, EOFError, TimeoutError):
            return Outcome(kind, "", 0, "lost", began, time.perf_counter() - started)
        reply = parse_reply(head)
        error = _CODE.search(body) if reply.status != 200 or b'"error"' in body else None
        return Outcome(
            kind,
            reply.header("x-cache-layer"),
            reply.status,
            error[1].decode() if error else "",
            began,
            time.perf_counter() - started,
        )

    async def _exchange(self, data: bytes) -> tuple[bytes, bytes]:
        stream = await self._open()
        reader, writer = stream
        try:
            writer.write(data)
            head = await reader.readuntil(b"\r\n\r\n")
            found = _LENGTH.search(head)
            body = await reader.readexactly(int(found[1])) if found else await _chunks(reader)
        except BaseException:
            writer.close()
            raise
        self._idle.append(stream)
        return head, body

    async def _open(self) -> _Stream:
        while self._idle:
            stream = self._idle.pop()
            # The server closes what was idle for some seconds.
            if not stream[0].at_eof():
                return stream
            stream[1].close()
        return await asyncio.open_connection("127.0.0.1", self._port)


def _request(question: str, *, streamed: bool) -> Request:
    plain = chat_request(question)
    if not streamed:
        return plain
    body = {**msgspec.json.decode(plain.body), "stream": True}
    return Request(path=plain.path, body=msgspec.json.encode(body), key=plain.key)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A body sent in chunks."""
    pieces: list[bytes] = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    await reader.readuntil(b"\r\n")
    return b"".join(pieces)
