from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from routing.errors import CallError
from routing.gateway.pressure import Pressure
from tests.gateway.conftest import running_gateway
from tests.gateway.serving import Sandbox, data_dir_with_models, wait_until
from tests.redis_server import RedisServer


def test_pressure__gateway_full__says_when_to_come_back() -> None:
    pressure = Pressure(most=1, most_per_tenant=5)

    with (
        pressure.call_of("uid-acme"),
        pytest.raises(CallError) as caught,
        pressure.call_of("uid-globex"),
    ):
        pass

    error = caught.value
    assert (error.status, error.code, error.retry_after_seconds) == (503, "overloaded", 1)


def test_pressure__one_tenant_busy__the_other_gets_in() -> None:
    pressure = Pressure(most=5, most_per_tenant=1)

    with (
        pressure.call_of("uid-acme"),
        pressure.call_of("uid-globex"),
        pytest.raises(CallError) as caught,
        pressure.call_of("uid-acme"),
    ):
        pass

    assert (caught.value.status, caught.value.code) == (429, "tenant_busy")


def test_pressure__call_failed__its_place_is_free_again() -> None:
    pressure = Pressure(most=1, most_per_tenant=1)
    with pytest.raises(ValueError, match="boom"), pressure.call_of("uid-acme"):
        raise ValueError("boom")

    with pressure.call_of("uid-acme"):
        pass


@pytest.mark.model
def test_gateway__more_calls_than_it_takes__refused_with_the_time_to_come_back(
    gateway_redis: RedisServer, sandbox: Sandbox, model_cache_dir: Path, tmp_path: Path
) -> None:
    sandbox.control(latency_ms=500.0)
    data_dir = data_dir_with_models(tmp_path, model_cache_dir)
    with (
        running_gateway(gateway_redis, sandbox.url, data_dir, max_calls=2) as gateway,
        ThreadPoolExecutor(4) as callers,
    ):
        asked = [callers.submit(gateway.ask, f"Is desk {number} free?") for number in range(4)]
        responses = [call.result() for call in asked]

    refused = [response for response in responses if response.status_code == 503]
    assert len(refused) == 2
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].json()["error"]["code"] == "overloaded"


@pytest.mark.model
def test_gateway__app_has_gone__its_place_is_free_once_the_provider_is_done(
    gateway_redis: RedisServer, sandbox: Sandbox, model_cache_dir: Path, tmp_path: Path
) -> None:
    sandbox.control(latency_ms=500.0)
    data_dir = data_dir_with_models(tmp_path, model_cache_dir)
    with running_gateway(gateway_redis, sandbox.url, data_dir, max_calls=1) as gateway:
        with gateway.client(timeout=0.2) as client, pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(
                model="gpt-5-mini", messages=[{"role": "user", "content": "Is anyone still there?"}]
            )

        wait_until(lambda: gateway.ask("Is anyone there now?").status_code == 200, seconds=10)
