"""ASGI applications on real loopback ports, and the values the end-to-end tests share."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import openai
import redis
import uvicorn

from routing import redis_names
from routing.gateway.protocol import BoundedProtocol
from routing.snapshot import Snapshot, encode_snapshot, snapshot_digest
from routing.telemetry.events import Event, decode_batch
from tests.routing.builders import ACME_KEY

START_SECONDS = 30


@contextmanager
def serve(app: Any, *, http: type[BoundedProtocol] = BoundedProtocol) -> Iterator[str]:
    """`app` in a thread, served as in production; yields its address."""
    config = uvicorn.Config(
        app,
        port=0,
        http=http,
        loop="uvloop",
        log_level="critical",
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def wait_until(condition: Any, *, seconds: float = START_SECONDS) -> None:
    """Return once `condition()` is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def publish(client: redis.Redis, snapshot: Snapshot) -> None:
    """Put `snapshot` where the runtime looks for it."""
    body = encode_snapshot(snapshot)
    client.set(redis_names.snapshot_body(snapshot.revision), body)
    client.set(redis_names.SNAPSHOT_POINTER, f"{snapshot.revision}:{snapshot_digest(body)}")


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox provider."""

    url: str

    def meter(self) -> Any:
        """Its own account of what it was asked."""
        return httpx2.get(f"{self.url}/meter").json()

    def control(self, **behaviour: float) -> None:
        """Change how it behaves."""
        response = httpx2.post(f"{self.url}/control", content=msgspec.json.encode(behaviour))
        assert response.status_code == 200, response.text


@dataclass(frozen=True)
class Gateway:
    """A running gateway and its Redis."""

    url: str
    redis: redis.Redis

    def client(self, key: str = ACME_KEY, **options: Any) -> openai.OpenAI:
        """The official client, pointed here. The caller closes it."""
        settings: dict[str, Any] = {"max_retries": 0, "timeout": 20} | options
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, **settings)

    def ask(
        self, question: str, *, key: str = ACME_KEY, headers: Any = None, **fields: Any
    ) -> httpx2.Response:
        """One chat call over plain HTTP."""
        request = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": question}]}
        return self.post("/v1/chat/completions", request | fields, key=key, headers=headers)

    def post(
        self, path: str, body: Any, *, key: str = ACME_KEY, headers: Any = None
    ) -> httpx2.Response:
        """POST `body` as JSON, or as it is when it is bytes."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        every = {**({"authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        return httpx2.post(self.url + path, content=content, headers=every, timeout=20)

    def event(self, response: httpx2.Response) -> Event:
        """The event that `response` left."""
        return event_of(self.redis, response.headers["x-response-id"])


def data_dir_with_models(directory: Path, models: Path) -> Path:
    """`directory` as a runtime's data directory, sharing the prepared embedding models."""
    models.mkdir(parents=True, exist_ok=True)
    (directory / "models").symlink_to(models)
    return directory


def events(client: redis.Redis) -> dict[str, Event]:
    """Every event shipped so far, by id."""
    entries: Any = client.xrange(redis_names.EVENT_STREAM)
    return {event.id: event for _, fields in entries for event in decode_batch(fields[b"batch"])}


def event_of(client: redis.Redis, response_id: str) -> Event:
    """The event of one answer, once it has been shipped."""
    wait_until(lambda: response_id in events(client))
    return events(client)[response_id]
