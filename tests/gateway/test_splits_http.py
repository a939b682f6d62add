"""A gateway whose callers put something into the context that changes with each call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import redis

from routing import redis_names
from routing.splits import FEWEST_CALLS, SplitReport, decode_report
from tests.gateway.conftest import running_gateway
from tests.gateway.serving import Gateway, Sandbox, data_dir_with_models, wait_until
from tests.redis_server import RedisServer

pytestmark = pytest.mark.model

CALLS = 60
REPORT = redis_names.split("uid-acme", "policy-default")


@pytest.fixture
def lonely_gateway(
    redis_server: RedisServer,
    redis_client: redis.Redis,
    sandbox: Sandbox,
    model_cache_dir: Path,
    tmp_path: Path,
) -> Iterator[Gateway]:
    """A gateway that has seen no call yet."""
    data_dir = data_dir_with_models(tmp_path, model_cache_dir)
    with running_gateway(redis_server, sandbox.url, data_dir) as gateway:
        yield gateway


def ask(gateway: Gateway, system_prompt: str) -> httpx2.Response:
    """The same question as ever, under `system_prompt`."""
    messages = [
        {"role": "system", "content": system_prompt},
        {"role": "user", "content": "How do I track a parcel?"},
    ]
    return gateway.post("/v1/chat/completions", {"model": "gpt-5-mini", "messages": messages})


def report(gateway: Gateway) -> SplitReport:
    """What the gateway tells of the policy, once it does."""
    wait_until(lambda: gateway.redis.exists(REPORT))
    blob = gateway.redis.get(REPORT)
    assert isinstance(blob, bytes)
    return decode_report(blob)


def test_chat__time_in_the_system_prompt__told_with_what_differs(lonely_gateway: Gateway) -> None:
    for second in range(CALLS):
        response = ask(lonely_gateway, f"You sell lamps. It is 12:00:{second:02}.")
        assert response.headers["x-cache-layer"] == "none"

    told = report(lonely_gateway)

    assert told.part == "system_prompt"
    assert FEWEST_CALLS <= told.calls == told.partitions <= CALLS
    assert told.before != told.after
    assert "is 12:00:" in told.after
