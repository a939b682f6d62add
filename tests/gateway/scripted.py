"""A provider that says exactly what a test tells it to, for what no well-behaved one would say."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 10}
COST_NANOUSD = 100 * 250 + 10 * 2000


def answer(
    text: str = "In the app.",
    *,
    usage: Any = USAGE,
    message: Any = None,
    finish_reason: str = "stop",
) -> bytes:
    """A whole answer: `text`, or a `message` that is more."""
    said = message or {"content": text}
    choice = {"index": 0, "message": said, "finish_reason": finish_reason}
    return json.dumps({"model": "gpt-5-mini", "choices": [choice], "usage": usage}).encode()


def chunk(text: str = "", *, delta: Any = None, finish_reason: str | None = None) -> bytes:
    """One event of a stream: a piece of text, or a `delta` that is more."""
    said = delta or {"content": text}
    choice = {"index": 0, "delta": said, "finish_reason": finish_reason}
    return event({"model": "gpt-5-mini", "choices": [choice]})


def event(data: Any) -> bytes:
    """`data` as an event of a stream."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def stream_end(finish_reason: str = "stop") -> bytes:
    """What comes after the last word: finish reason, usage and end mark."""
    usage = event({"model": "gpt-5-mini", "choices": [], "usage": USAGE})
    return chunk(finish_reason=finish_reason) + usage + b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Reply:
    """What one call is answered: its pieces, `pause` seconds before each.

    `cut`: the connection breaks off after them.
    """

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    pause: float = 0.0
    cut: bool = False


@dataclass
class ScriptedProvider:
    """An ASGI application, served at `url`, that answers with `replies`, one after the other."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    calls: int = 0

    def will(self, *replies: Reply) -> None:
        """Forget what was to come, and answer the next calls with `replies`."""
        self.calls = 0
        self.replies = deque(replies)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass
        self.calls += 1
        reply = self.replies.popleft()
        headers = [(b"content-type", b"application/json"), *reply.headers]
        await asyncio.sleep(reply.pause)
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        for piece in reply.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(reply.pause)
        if not reply.cut:
            await send({"type": "http.response.body", "body": b""})
