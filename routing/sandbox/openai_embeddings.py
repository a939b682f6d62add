"""`POST /v1/embeddings` as OpenAI serves it."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send

from routing.sandbox.faults import Fault
from routing.sandbox.meter import EMBEDDING_PRICES, TokenCount
from routing.sandbox.openai_chat import SandboxState
from routing.sandbox.openai_http import (
    Refusals,
    disconnected,
    pause,
    read_api_key,
    read_body,
    response_body,
    response_start,
)
from routing.sandbox.tokens import count_tokens
from routing.sandbox.wire_embeddings import (
    EMBEDDING_MODELS,
    EmbeddingRequest,
    decode_embedding_request,
    dimensions_of,
    embed_words,
    embeddings_body,
)
from routing.sandbox.wire_openai import BadRequest


class Embeddings:
    """The endpoint as a plain ASGI application. What was made is billed, read or not."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._refusals = Refusals(state.meter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        if not read_api_key(scope):
            await self._refusals.no_key(send)
            return
        try:
            request = decode_embedding_request(body)
            model = EMBEDDING_MODELS.get(request.model)
            if model is None:
                await self._refusals.no_model(send, request.model)
                return
            dimensions = dimensions_of(request, model)
        except BadRequest as error:
            await self._refusals.bad_request(send, str(error))
            return
        await self._serve(request, dimensions, receive, send)

    async def _serve(
        self, request: EmbeddingRequest, dimensions: int, receive: Receive, send: Send
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
            else:
                await pause(behaviour.embedding_latency_ms, gone)
                await self._answer(request, dimensions, send, cut=fault is Fault.CUT)
        finally:
            gone.cancel()

    async def _answer(
        self, request: EmbeddingRequest, dimensions: int, send: Send, *, cut: bool
    ) -> None:
        texts = request.texts()
        tokens = sum(count_tokens(text) for text in texts)
        count = TokenCount(input_tokens=tokens, output_tokens=0)
        self._state.meter.bill(request.model, count, price=EMBEDDING_PRICES[request.model])
        content = embeddings_body(
            [embed_words(text, dimensions) for text in texts],
            model=request.model,
            base64_encoded=request.encoding_format == "base64",
            tokens=tokens,
        )
        await send(response_start(200, b"application/json", length=len(content)))
        if cut:
            self._state.meter.count_abandoned()
            await send(response_body(content[: len(content) // 2], more=True))
            return
        await send(response_body(content))
