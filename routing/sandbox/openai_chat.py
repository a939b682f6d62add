"""`POST /v1/chat/completions` as OpenAI serves it, streamed and whole."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from routing.sandbox.faults import Fault, FaultDice
from routing.sandbox.meter import OPENAI_PRICES, ListPrice, Meter, TokenCount
from routing.sandbox.openai_http import (
    Refusals,
    disconnected,
    pause,
    read_api_key,
    read_body,
    response_body,
    response_start,
)
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
        self._refusals = Refusals(state.meter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        api_key = read_api_key(scope)
        if not api_key:
            await self._refusals.no_key(send)
            return
        try:
            request = decode_request(body)
        except BadRequest as error:
            await self._refusals.bad_request(send, str(error))
            return
        price = OPENAI_PRICES.get(request.model)
        if price is None:
            await self._refusals.no_model(send, request.model)
            return
        await self._serve(request, price, api_key, receive, send)

    async def _serve(
        self, request: ChatRequest, price: ListPrice, api_key: str, receive: Receive, send: Send
    ) -> None:
        behaviour = self._state.dice.behaviour
        fault = self._state.dice.draw()
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            if fault is Fault.HANG:
                await gone
            elif fault is Fault.RATE_LIMIT:
                await self._refusals.rate(send, behaviour.retry_after_seconds)
            elif fault is Fault.ERROR:
                await self._refusals.failure(send)
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
        await pause(latency_ms, gone)
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
        await send(response_start(200, b"application/json", length=len(body)))
        if cut:
            await send(response_body(body[: len(body) // 2], more=True))
            return
        await send(response_body(body))

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
        await send(response_start(200, b"text/event-stream; charset=utf-8"))
        try:
            whole = await run.send_choices(choices, self._state.dice)
        finally:
            self._bill(request, prompt, run.produced)
            if run.produced < total:
                self._state.meter.count_abandoned()
        if whole:
            await send(response_body(writer.end(prompt.usage(run.produced))))

    def _bill(self, request: ChatRequest, prompt: _Prompt, output_tokens: int) -> None:
        self._state.meter.bill(request.model, prompt.with_output(output_tokens), price=prompt.price)


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
        await pause(dice.behaviour.latency_ms, self.gone)
        for index, choice in enumerate(choices):
            await self.send(response_body(self.writer.opening(index, choice), more=True))
            for token in choice.tokens:
                if self.gone.done() or self.produced >= self.stop_after:
                    return False
                self.produced += 1
                await self.send(response_body(self.writer.token(index, choice, token), more=True))
                await pause(dice.behaviour.token_latency_ms, self.gone)
            await self.send(response_body(self.writer.closing(index, choice), more=True))
        return True


def _new_call_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"
