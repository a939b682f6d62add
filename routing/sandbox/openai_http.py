"""What the sandbox's OpenAI endpoints share: reading a request, pausing, refusing."""

from __future__ import annotations

import asyncio
import uuid

from starlette.types import Message, Receive, Scope, Send

from routing.sandbox.meter import Meter
from routing.sandbox.wire_openai import error_body

Header = tuple[bytes, bytes]


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


async def disconnected(receive: Receive) -> None:
    """Return once the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def pause(milliseconds: float, gone: asyncio.Future[None]) -> None:
    """Let the time pass, or return at once when the client has gone."""
    if milliseconds > 0:
        await asyncio.wait({gone}, timeout=milliseconds / 1000)


def read_api_key(scope: Scope) -> str:
    """The bearer token of a request; empty without one."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value.decode("latin-1").removeprefix("Bearer ").strip())
    return ""


def response_start(status: int, content_type: bytes, *headers: Header, length: int = -1) -> Message:
    """The head of an answer; a `length` below 0 is left out."""
    request_id = f"req_{uuid.uuid4().hex}".encode()
    fields = [(b"content-type", content_type), (b"x-request-id", request_id), *headers]
    if length >= 0:
        fields.append((b"content-length", str(length).encode()))
    return {"type": "http.response.start", "status": status, "headers": fields}


def response_body(content: bytes, *, more: bool = False) -> Message:
    """A piece of an answer's body."""
    return {"type": "http.response.body", "body": content, "more_body": more}


class Refusals:
    """Answers in OpenAI's error shape, counted by the meter."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    async def no_key(self, send: Send) -> None:
        """401: no bearer token."""
        message = "You didn't provide an API key."
        await self._refuse(send, 401, message, kind="invalid_request_error", code="invalid_api_key")

    async def bad_request(self, send: Send, message: str) -> None:
        """400: the request is not one the API takes."""
        await self._refuse(send, 400, message, kind="invalid_request_error")

    async def no_model(self, send: Send, model: str) -> None:
        """404: there is no such model."""
        message = f"The model `{model}` does not exist or you do not have access to it."
        await self._refuse(send, 404, message, kind="invalid_request_error", code="model_not_found")

    async def rate(self, send: Send, retry_after_seconds: int) -> None:
        """429, with the seconds after which to come again."""
        header = (b"retry-after", str(retry_after_seconds).encode())
        await self._refuse(
            send, 429, "Rate limit reached.", header, kind="requests", code="rate_limit_exceeded"
        )

    async def failure(self, send: Send) -> None:
        """500."""
        message = "The server had an error while processing your request."
        await self._refuse(send, 500, message, kind="server_error")

    async def _refuse(
        self,
        send: Send,
        status: int,
        message: str,
        *headers: Header,
        kind: str,
        code: str | None = None,
    ) -> None:
        self._meter.count_error(status)
        content = error_body(message, kind=kind, code=code)
        await send(response_start(status, b"application/json", *headers, length=len(content)))
        await send(response_body(content))
