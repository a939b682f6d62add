"""The gateway's ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from routing.config import RuntimeConfig
from routing.gateway.cache_api import CacheApi
from routing.gateway.chat import ChatCompletions
from routing.gateway.endpoint import CallEndpoint, Handler
from routing.gateway.events_api import EventsEndpoint
from routing.gateway.health import Health
from routing.gateway.http import error_body
from routing.gateway.json_body import JsonLimits
from routing.gateway.models import Models
from routing.gateway.pressure import Pressure
from routing.gateway.record import EventKeeper
from routing.gateway.renewal import Renewals
from routing.gateway.runtime import Runtime
from routing.sealed import SecretBox
from routing.telemetry import metrics
from routing.telemetry.events import Event


class Gateway(Starlette):
    """Starlette with a short way in for the endpoints that carry the traffic: one dictionary
    look-up instead of its middleware and the matching of every route."""

    hot: Mapping[str, ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "http" and (endpoint := self.hot.get(scope["path"])) is not None:
            await endpoint(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


def build_app(config: RuntimeConfig) -> Gateway:
    """The gateway for `config`; its parts run for the application's lifespan.

    Raises ConfigError when a setting is malformed.
    """
    runtime = Runtime(config)
    health = Health(runtime)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await runtime.start()
        try:
            yield
        finally:
            await runtime.close()

    app = Gateway(
        routes=[
            Route("/v1/models", Models(lambda: runtime.source.active).show),
            Route("/healthz", health.healthz),
            Route("/readyz", health.readyz),
            Route("/metrics", health.metrics),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Exception: _internal_error},
    )
    app.hot = _hot_endpoints(runtime)
    return app


def _hot_endpoints(runtime: Runtime) -> dict[str, ASGIApp]:
    config = runtime.config
    limits = JsonLimits(depth=config.max_json_depth, nodes=config.max_json_nodes)
    chat = ChatCompletions(
        engine=runtime.engine,
        provider=runtime.provider,
        targets=runtime.targets,
        flights=runtime.flights,
        renewals=_renewals(runtime),
        background=runtime.spawn_store,
        active=lambda: runtime.source.active,
        config=config,
    )
    pressure = Pressure(most=config.max_calls, most_per_tenant=config.max_calls_per_tenant)
    cache = CacheApi(engine=runtime.engine, limits=limits)

    def endpoint(handle: Handler, *, protocol: str, keeper: EventKeeper = runtime) -> ASGIApp:
        return CallEndpoint(
            handle,
            protocol=protocol,
            active=lambda: runtime.source.active,
            keeper=keeper,
            config=config,
            pressure=pressure,
        )

    return {
        "/v1/chat/completions": endpoint(chat, protocol="chat"),
        "/v1/cache/lookup": endpoint(cache.lookup, protocol="cache_api"),
        "/v1/cache/store": endpoint(cache.store, protocol="cache_api", keeper=_NoEvents()),
        "/v1/events": EventsEndpoint(
            active=lambda: runtime.source.active,
            redis=runtime.patient_redis,
            secrets=SecretBox(config.credentials_key),
            limits=limits,
            background=runtime.spawn,
        ),
    }


def _renewals(runtime: Runtime) -> Renewals:
    return Renewals(
        engine=runtime.engine,
        provider=runtime.provider,
        targets=runtime.targets,
        flights=runtime.flights,
        keeper=runtime,
        spawn=runtime.spawn,
        on_error=metrics.cache_error,
    )


class _NoEvents:
    """Storing an answer is no call: it costs nothing and is answered from nowhere."""

    def record(self, event: Event) -> None:
        """Drop `event`."""


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # registered for nothing else
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    body = error_body(error.detail, status=error.status_code, code=code)
    return Response(
        body,
        status_code=error.status_code,
        headers=error.headers,
        media_type="application/json",
    )


async def _internal_error(_request: Request, _error: Exception) -> Response:
    """Starlette lets the server log the error after this."""
    body = error_body("The gateway failed; its log says why.", status=500, code="internal_error")
    return Response(body, status_code=500, media_type="application/json")
