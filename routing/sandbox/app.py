"""The sandbox as one ASGI application, with the endpoints that read and steer it."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from routing.sandbox.faults import Behaviour, FaultDice, change_behaviour
from routing.sandbox.meter import EMBEDDING_PRICES, OPENAI_PRICES, Meter
from routing.sandbox.openai_chat import ChatCompletions, SandboxState
from routing.sandbox.openai_embeddings import Embeddings
from routing.sandbox.prefix_cache import PrefixCache
from routing.sandbox.wire_openai import error_body

# No model of the sandbox was made at any particular time; the API wants a number.
_MODELS_CREATED = 1_700_000_000


def build_app(behaviour: Behaviour, *, prefix_idle_seconds: float = 300.0) -> Starlette:
    """A sandbox that starts with `behaviour`; prompt prefixes live `prefix_idle_seconds`."""
    state = SandboxState(
        meter=Meter(),
        prefixes=PrefixCache(idle_seconds=prefix_idle_seconds),
        dice=FaultDice(behaviour),
    )

    async def models(_: Request) -> Response:
        data = [
            {"id": name, "object": "model", "created": _MODELS_CREATED, "owned_by": "sandbox"}
            for name in (*OPENAI_PRICES, *EMBEDDING_PRICES)
        ]
        return _json({"object": "list", "data": data})

    async def meter(_: Request) -> Response:
        return _json(state.meter.reading())

    async def reset_meter(_: Request) -> Response:
        state.meter.reset()
        state.prefixes.clear()
        return _json(state.meter.reading())

    async def read_control(_: Request) -> Response:
        return _json(state.dice.behaviour)

    async def control(request: Request) -> Response:
        try:
            changed = change_behaviour(state.dice.behaviour, await request.body())
        except msgspec.MsgspecError as error:
            body = error_body(str(error), kind="invalid_request_error", code=None)
            return Response(body, status_code=400, media_type="application/json")
        state.dice = FaultDice(changed)
        return _json(changed)

    return Starlette(
        routes=[
            Route("/v1/chat/completions", ChatCompletions(state), methods=["POST"]),
            Route("/v1/embeddings", Embeddings(state), methods=["POST"]),
            Route("/v1/models", models),
            Route("/meter", meter),
            Route("/meter/reset", reset_meter, methods=["POST"]),
            Route("/control", read_control, methods=["GET"]),
            Route("/control", control, methods=["POST"]),
            Route("/healthz", _healthz),
        ]
    )


async def _healthz(_: Request) -> Response:
    return _json({"status": "ok"})


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
