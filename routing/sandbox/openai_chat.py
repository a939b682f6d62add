"""`POST /v1/chat/completions` as OpenAI serves it, streamed and whole."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from routing.sandbox.faults import Fault, FaultDice
from routing.sandbox.meter import OPENAI_PRICES, ListPrice, Meter, TokenCount
from routing.sandbox.prefix_cache import CacheScope, PrefixCache
from routing.sandbox.tokens import split_tokens
from routing.sandbox.wire_openai import (
    BadRequest,
    ChatRequest,
    Choice,
    ChunkWriter,
    answer_request,
    completion_body,
    decode_request,
    error_body,
    render_prompt,
    usage_body,
)


@dataclass(slots=True)
class SandboxState:
    """What the calls of one sandbox share."""

    meter: Meter
    prefixes: PrefixCache
    dice: FaultDice


@dataclass(frozen=True, slots=True)
class _Prompt:
    """How one call's prompt is billed."""

    price: ListPrice
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int

    def with_output(self, output_tokens: int) -> TokenCount:
        return TokenCount(
            input_tokens=self.input_tokens,
            output_tokens=output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
        )

    def usage(self, output_tokens: int) -> dict[str, Any]:
        writes = self.price.cache_write is not None
        return usage_body(self.with_output(output_tokens), reports_writes=writes)


class ChatCompletions:
    """The endpoint as a plain ASGI application.

    A whole answer is billed once it is produced, even if the client has gone by then. A streamed
    answer is billed for what was produced until it ended, was cut or was abandoned.
    """

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        api_key = _api_key(scope)
        if not api_key:
            await self._refuse(
                send,
                401,
                error_body(
                    "You didn't provide an API key.",
                    kind="invalid_request_error",
                    code="invalid_api_key",
                ),
            )
            return
        try:
            request = decode_request(body)
        except BadRequest as error:
            await self._refuse(
                send, 400, error_body(str(error), kind="invalid_request_error", code=None)
            )
            return
        price = OPENAI_PRICES.get(request.model)
        if price is None:
            await self._refuse_model(send, request.model)
            return
        await self._serve(request, price, api_key, receive, send)

    async def _serve(
        self, request: ChatRequest, price: ListPrice, api_key: str, receive: Receive, send: Send
    ) -> None:
        behaviour = self._state.dice.behaviour
        fault = self._state.dice.draw()
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            if fault is Fault.HANG:
                await gone
            elif fault is Fault.RATE_LIMIT:
                await self._refuse_rate(send, behaviour.retry_after_seconds)
            elif fault is Fault.ERROR:
                message = "The server had an error while processing your request."
                await self._refuse(send, 500, error_body(message, kind="server_error", code=None))
            elif request.stream:
                prompt = self._read_prompt(request, price, api_key)
                await self._stream(request, prompt, gone, send, cut=fault is Fault.CUT)
            else:
                prompt = self._read_prompt(request, price, api_key)
                await self._whole(request, prompt, gone, send, cut=fault is Fault.CUT)
        finally:
            gone.cancel()

    def _read_prompt(self, request: ChatRequest, price: ListPrice, api_key: str) -> _Prompt:
        tokens = split_tokens(render_prompt(request))
        scope = CacheScope(api_key, request.model, request.prompt_cache_key or "")
        match = self._state.prefixes.match(tokens, scope=scope, now=time.monotonic())
        written = match.written_tokens if price.cache_write is not None else 0
        return _Prompt(
            price=price,
            input_tokens=len(tokens) - match.read_tokens - written,
            cache_read_tokens=match.read_tokens,
            cache_write_tokens=written,
        )

    async def _whole(
        self,
        request: ChatRequest,
        prompt: _Prompt,
        gone: asyncio.Future[None],
        send: Send,
        *,
        cut: bool,
    ) -> None:
        behaviour = self._state.dice.behaviour
        choices = answer_request(request)
        output_tokens = sum(len(choice.tokens) for choice in choices)
        latency_ms = behaviour.latency_ms + behaviour.token_latency_ms * output_tokens
        await _pause(latency_ms, gone)
        self._bill(request, prompt, output_tokens)
        if cut or gone.done():
            self._state.meter.count_abandoned()
        body = completion_body(
            choices,
            call_id=_new_call_id(),
            created=int(time.time()),
            model=request.model,
            usage=prompt.usage(output_tokens),
        )
        await send(_start(200, b"application/json", length=len(body)))
        if cut:
            await send(_body(body[: len(body) // 2], more=True))
            return
        await send(_body(body))

    async def _stream(
        self,
        request: ChatRequest,
        prompt: _Prompt,
        gone: asyncio.Future[None],
        send: Send,
        *,
        cut: bool,
    ) -> None:
        choices = answer_request(request)
        total = sum(len(choice.tokens) for choice in choices)
        writer = ChunkWriter(
            call_id=_new_call_id(),
            created=int(time.time()),
            model=request.model,
            with_usage=bool(request.stream_options and request.stream_options.include_usage),
        )
        run = _StreamRun(
            writer=writer, send=send, gone=gone, stop_after=total // 2 if cut else total
        )
        await send(_start(200, b"text/event-stream; charset=utf-8"))
        try:
            whole = await run.send_choices(choices, self._state.dice)
        finally:
            self._bill(request, prompt, run.produced)
            if run.produced < total:
                self._state.meter.count_abandoned()
        if whole:
            await send(_body(writer.end(prompt.usage(run.produced))))

    def _bill(self, request: ChatRequest, prompt: _Prompt, output_tokens: int) -> None:
        self._state.meter.bill(request.model, prompt.with_output(output_tokens), price=prompt.price)

    async def _refuse_model(self, send: Send, model: str) -> None:
        message = f"The model `{model}` does not exist or you do not have access to it."
        body = error_body(message, kind="invalid_request_error", code="model_not_found")
        await self._refuse(send, 404, body)

    async def _refuse_rate(self, send: Send, retry_after_seconds: int) -> None:
        body = error_body("Rate limit reached.", kind="requests", code="rate_limit_exceeded")
        header = (b"retry-after", str(retry_after_seconds).encode())
        await self._refuse(send, 429, body, header)

    async def _refuse(self, send: Send, status: int, body: bytes, *headers: _Header) -> None:
        self._state.meter.count_error(status)
        await send(_start(status, b"application/json", *headers, length=len(body)))
        await send(_body(body))


_Header = tuple[bytes, bytes]


@dataclass(slots=True)
class _StreamRun:
    """Sends the tokens of one stream and knows how many were produced."""

    writer: ChunkWriter
    send: Send
    gone: asyncio.Future[None]
    stop_after: int
    produced: int = 0

    async def send_choices(self, choices: list[Choice], dice: FaultDice) -> bool:
        """True when every choice went out whole."""
        await _pause(dice.behaviour.latency_ms, self.gone)
        for index, choice in enumerate(choices):
            await self.send(_body(self.writer.opening(index, choice), more=True))
            for token in choice.tokens:
                if self.gone.done() or self.produced >= self.stop_after:
                    return False
                self.produced += 1
                await self.send(_body(self.writer.token(index, choice, token), more=True))
                await _pause(dice.behaviour.token_latency_ms, self.gone)
            await self.send(_body(self.writer.closing(index, choice), more=True))
        return True


async def _read_body(receive: Receive) -> bytes:
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pause(milliseconds: float, gone: asyncio.Future[None]) -> None:
    """Let the time pass, or return at once when the client has gone."""
    if milliseconds > 0:
        await asyncio.wait({gone}, timeout=milliseconds / 1000)


def _api_key(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value.decode("latin-1").removeprefix("Bearer ").strip())
    return ""


def _new_call_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def _start(status: int, content_type: bytes, *headers: _Header, length: int = -1) -> Message:
    request_id = f"req_{uuid.uuid4().hex}".encode()
    fields = [(b"content-type", content_type), (b"x-request-id", request_id), *headers]
    if length >= 0:
        fields.append((b"content-length", str(length).encode()))
    return {"type": "http.response.start", "status": status, "headers": fields}


def _body(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}
