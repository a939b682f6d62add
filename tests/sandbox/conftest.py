"""A sandbox on a real loopback port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
import uvicorn

from routing.sandbox.app import build_app
from routing.sandbox.faults import Behaviour


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox and how to steer it."""

    url: str
    client: openai.OpenAI

    def meter(self) -> dict[str, Any]:
        reading: dict[str, Any] = httpx.get(f"{self.url}/meter").raise_for_status().json()
        return reading

    def control(self, **behaviour: float) -> None:
        httpx.post(f"{self.url}/control", json=behaviour).raise_for_status()

    def ask(self, text: str, **options: Any) -> Any:
        messages = [{"role": "user", "content": text}]
        arguments: Any = {"model": "gpt-4o-mini", "messages": messages, **options}
        return self.client.chat.completions.create(**arguments)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    config = uvicorn.Config(
        build_app(Behaviour()), port=0, log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with openai.OpenAI(base_url=f"{url}/v1", api_key="acme", max_retries=0, timeout=10) as client:
        yield Sandbox(url, client)
    server.should_exit = True
    thread.join()
