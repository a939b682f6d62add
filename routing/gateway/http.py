"""Raw ASGI: reading requests and sending answers with as little as possible in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import msgspec

from routing.errors import CallError
from routing.gateway.controls import HEADER_PREFIX

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

BODY_SECONDS = 30.0
"""How long the body of a request may take to come."""

JSON_TYPE: Header = (b"content-type", b"application/json")

_REQUEST_TIMEOUT = 408

_ERROR_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class ClientGone(Exception):
    """The app closed the connection before it was answered."""


@dataclass(slots=True)
class RequestHead:
    """What the gateway reads from the request headers. `app_key` is empty when none was sent.

    `repeated` is an ``x-cache-*`` header that was sent twice, empty when none was.
    """

    app_key: bytes = b""
    content_length: int = 0
    cache_headers: dict[bytes, bytes] = field(default_factory=dict)
    repeated: bytes = b""


def read_head(headers: Iterable[Header]) -> RequestHead:
    """Pick the headers that matter; a malformed content-length counts as none."""
    head = RequestHead()
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer":
                head.app_key = key.strip()
        elif name == b"x-api-key":
            head.app_key = head.app_key or value.strip()
        elif name == b"content-length":
            head.content_length = int(value) if value.isdigit() and len(value) < 19 else 0
        elif name.startswith(HEADER_PREFIX):
            if name in head.cache_headers:
                head.repeated = name
            head.cache_headers[name] = value
    return head


async def read_body(
    receive: Receive, *, content_length: int, limit: int, seconds: float = BODY_SECONDS
) -> bytes:
    """The whole request body.

    Raises CallError: 413 when it is longer than `limit` bytes, 408 when it has not come within
    `seconds`; ClientGone when the app closes the connection before its end.
    """
    if content_length > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read_pieces(receive, limit=limit)
    except TimeoutError:
        raise CallError(
            f"The body did not come within {seconds:g} s.", status=408, code="request_timeout"
        ) from None


async def _read_pieces(receive: Receive, *, limit: int) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        length += len(piece)
        if length > limit:
            raise _too_large(limit)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


async def send_answer(send: Send, body: bytes, *, headers: list[Header], status: int = 200) -> None:
    """Send one whole answer; `headers` is completed with the length."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, error: CallError, *, headers: list[Header] | None = None) -> None:
    """Send `error` in OpenAI's shape."""
    body = error_body(error.message, status=error.status, code=error.code, param=error.param)
    headers = [JSON_TYPE, *(headers or [])]
    if error.status == _REQUEST_TIMEOUT:
        # The rest of the request may come at any time, and must not be taken for another one.
        headers.append((b"connection", b"close"))
    if error.retry_after_seconds is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_seconds))
    await send_answer(send, body, headers=headers, status=error.status)


def error_body(message: str, *, status: int, code: str, param: str | None = None) -> bytes:
    """An error in OpenAI's shape."""
    kind = _ERROR_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    return msgspec.json.encode({"error": error})


class ClientWatch:
    """Notices when the app goes away, and bounds what is still done for it.

    The work in its block goes on then, for the provider bills it all the same. When `on_gone`
    returns a number of seconds, the work is cancelled after them and the block raises ClientGone.
    Call `stop` before the last piece of the answer is sent: after it, the server reports the end of
    the connection the same way.
    """

    __slots__ = ("_bound", "_on_gone", "_receive", "_watcher")

    def __init__(self, receive: Receive, *, on_gone: Callable[[], float | None]) -> None:
        self._receive = receive
        self._on_gone = on_gone
        self._bound = asyncio.timeout(None)
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ClientWatch:
        await self._bound.__aenter__()
        self._watcher = asyncio.create_task(self._watch())
        return self

    def stop(self) -> None:
        """Watch no longer."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError:
            raise ClientGone from None

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if (seconds := self._on_gone()) is not None:
            self._bound.reschedule(asyncio.get_running_loop().time() + seconds)


def _too_large(limit: int) -> CallError:
    return CallError(
        f"The body is larger than {limit} bytes; send less, or raise MAX_BODY_BYTES.",
        status=413,
        code="body_too_large",
    )
