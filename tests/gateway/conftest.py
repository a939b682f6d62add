"""A gateway on real parts: Redis, embedding model, and a sandbox provider that behaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from routing.config import RuntimeConfig
from routing.gateway.app import build_app as build_gateway
from routing.sandbox.app import build_app as build_sandbox
from routing.sandbox.faults import Behaviour
from tests.gateway.pairs import Pair
from tests.gateway.scripted import ScriptedProvider
from tests.gateway.serving import (
    Gateway,
    Sandbox,
    data_dir_with_models,
    publish,
    serve,
    wait_until,
)
from tests.gateway.values import CREDENTIALS_KEY, configuration
from tests.redis_server import RedisServer

GOOD = {
    "latency_ms": 0.0,
    "token_latency_ms": 0.0,
    "rate_limit_rate": 0.0,
    "error_rate": 0.0,
    "hang_rate": 0.0,
    "cut_rate": 0.0,
}


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Sandbox]:
    """One sandbox for the session."""
    with serve(build_sandbox(Behaviour())) as url:
        yield Sandbox(url)


@pytest.fixture
def sandbox(sandbox_server: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, well-behaved before and after."""
    sandbox_server.control(**GOOD)
    yield sandbox_server
    sandbox_server.control(**GOOD)


@pytest.fixture(scope="session")
def gateway_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that nobody empties while the session's gateway runs on it."""
    server = RedisServer(tmp_path_factory.mktemp("gateway-redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def gateway_server(
    gateway_redis: RedisServer,
    sandbox_server: Sandbox,
    model_cache_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """One gateway for the session, in front of the sandbox."""
    data_dir = data_dir_with_models(tmp_path_factory.mktemp("gateway"), model_cache_dir)
    with running_gateway(gateway_redis, sandbox_server.url, data_dir) as gateway:
        yield gateway


@contextmanager
def running_gateway(
    server: RedisServer, provider_url: str, data_dir: Path, **settings: Any
) -> Iterator[Gateway]:
    """A gateway in front of the provider, under the snapshot of `values.configuration`.

    It shares this process with whoever calls it, and the machine with much else: a slow moment is
    neither Redis' nor the model's fault: they get more time than in production, unless `settings`
    say otherwise.
    """
    patience = {"cache_budget_ms": 2_000, "embedding_budget_ms": 10_000}
    settings = patience | settings
    config = RuntimeConfig(
        redis_url=server.url,
        data_dir=data_dir,
        sandbox_url=provider_url,
        provider_timeout_seconds=5.0,
        max_body_bytes=100_000,
        credentials_key=CREDENTIALS_KEY,
        **settings,
    )
    with redis.Redis.from_url(server.url) as client:
        publish(client, configuration())
        with serve(build_gateway(config)) as url:
            wait_until(lambda: httpx2.get(f"{url}/readyz").status_code == 200)
            yield Gateway(url, client)


@pytest.fixture(scope="session")
def scripted() -> Iterator[ScriptedProvider]:
    """A provider that says what a test tells it to."""
    provider = ScriptedProvider()
    with serve(provider) as provider.url:
        yield provider


@pytest.fixture(scope="session")
def scripted_gateway(
    scripted: ScriptedProvider,
    gateway_redis: RedisServer,
    model_cache_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """A gateway for the session, in front of the scripted provider."""
    data_dir = data_dir_with_models(tmp_path_factory.mktemp("scripted"), model_cache_dir)
    with running_gateway(gateway_redis, scripted.url, data_dir) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def pair(
    gateway_redis: RedisServer, model_cache_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two gateways for the session, in front of one scripted provider of their own."""
    provider = ScriptedProvider()
    settings = {"single_flight_wait_seconds": 4.0}
    dirs = [
        data_dir_with_models(tmp_path_factory.mktemp("pair"), model_cache_dir) for _ in range(2)
    ]
    with (
        serve(provider) as provider.url,
        running_gateway(gateway_redis, provider.url, dirs[0], **settings) as here,
        running_gateway(gateway_redis, provider.url, dirs[1], **settings) as there,
    ):
        yield Pair(here, there, provider)


@pytest.fixture
def gateway(gateway_server: Gateway, sandbox: Sandbox) -> Gateway:
    """The gateway in front of a sandbox that behaves."""
    return gateway_server
