"""Embedding models as tenants name them, on a running gateway."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from routing import redis_names
from routing.snapshot import Heartbeat, LoadedModel
from tests.gateway.conftest import running_gateway
from tests.gateway.serving import Gateway, Sandbox, publish, wait_until
from tests.gateway.values import configuration
from tests.redis_server import RedisServer

pytestmark = pytest.mark.model

REMOTE = "openai:text-embedding-3-small@256"
DEFAULT = "all-MiniLM-L6-v2"


class World:
    """A gateway of its own, and how to change what `acme` uses."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._revisions = count(2)

    def use(self, name: str) -> None:
        """Publish `name` as acme's model, and wait until it is in force."""
        base = configuration(revision=next(self._revisions))
        acme, *others = base.tenants
        acme = msgspec.structs.replace(acme, embedding_model=name)
        publish(self.gateway.redis, msgspec.structs.replace(base, tenants=(acme, *others)))
        wait_until(lambda: self.ready()["revision"] == base.revision)

    def settle(self, name: str) -> None:
        """As `use`, and wait until the answers have been copied."""
        self.use(name)
        wait_until(lambda: self.told().get("model") == (name or DEFAULT))
        wait_until(lambda: self.told()["state"] == "done")

    def ready(self) -> Any:
        return httpx2.get(f"{self.gateway.url}/readyz").json()

    def told(self) -> dict[str, Any]:
        """What is told of the copying; empty while nothing is."""
        blobs: Any = self.gateway.redis.hmget(redis_names.REEMBEDDING, ["uid-acme"])
        told: dict[str, Any] = msgspec.json.decode(blobs[0] or b"{}")
        return told

    def layer(self, question: str) -> str:
        """Which layer answers `question`."""
        return self.gateway.ask(question).headers["x-cache-layer"]

    def models(self) -> dict[str, LoadedModel]:
        """What the next heartbeat says of the models."""
        client: Any = self.gateway.redis
        client.delete(redis_names.RUNTIMES)
        wait_until(lambda: client.hlen(redis_names.RUNTIMES) == 1)
        beat = msgspec.json.decode(client.hvals(redis_names.RUNTIMES)[0], type=Heartbeat)
        return {model.name: model for model in beat.embedding_models}


@pytest.fixture(scope="module")
def running(
    sandbox_server: Sandbox, model_cache_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    server = RedisServer(tmp_path_factory.mktemp("models-redis"))
    server.start()
    data_dir = tmp_path_factory.mktemp("models-data")
    (data_dir / "models").mkdir()
    for prepared in model_cache_dir.glob("all-MiniLM-*"):
        (data_dir / "models" / prepared.name).symlink_to(prepared)
    with running_gateway(server, sandbox_server.url, data_dir) as gateway:
        yield World(gateway)
    server.kill()


@pytest.fixture
def world(running: World, sandbox: Sandbox) -> World:
    """The default model in use."""
    running.settle("")
    return running


def test_change_of_model__answers_stored_before__still_found_by_the_same_words(
    world: World,
) -> None:
    world.layer("How do I cancel my order?")
    wait_until(lambda: world.layer("How do I cancel my order?") == "exact")

    world.settle(REMOTE)

    assert world.layer("How do I cancel my order?") == "exact"


def test_change_of_model__answers_stored_before__found_by_other_words(world: World) -> None:
    world.layer("When will the parcel with my shoes arrive?")
    wait_until(lambda: world.layer("When will the parcel with my shoes arrive?") == "exact")

    world.settle(REMOTE)

    assert world.layer("When will my parcel with the shoes arrive?") == "semantic"


def test_change_of_model__all_copied__told_how_many(world: World) -> None:
    world.layer("Which cards do you take?")
    wait_until(lambda: world.layer("Which cards do you take?") == "exact")

    world.settle(REMOTE)

    told = world.told()
    assert told["total"] == told["done"] >= 1
    assert (told["failed"], told["error"]) == (0, "")


def test_change_of_model__own_directory__dimensions_and_weights_told(
    world: World, tiny_model: Path
) -> None:
    world.settle(str(tiny_model))

    told = world.models()[str(tiny_model)]
    assert (told.dimensions, told.ready, told.tenants) == (48, True, 1)
    assert told.weight_bytes > 10_000


def test_change_of_model__cannot_be_had__former_goes_on_and_note_says_why(world: World) -> None:
    world.layer("Do you ship to Norway?")
    wait_until(lambda: world.layer("Do you ship to Norway?") == "exact")

    world.use("/nowhere/model")
    wait_until(lambda: world.ready()["notes"])

    assert world.layer("Do you ship to Norway?") == "exact"
    assert world.ready()["status"] == "ready"
    assert "/nowhere/model" in world.ready()["notes"][0]


def test_call__embedding_provider_fails__answered_without_the_cache(
    world: World, sandbox: Sandbox
) -> None:
    world.settle(REMOTE)
    sandbox.control(embedding_latency_ms=3_000)

    answer = world.gateway.ask("Is there a warranty on lamps?")
    sandbox.control(embedding_latency_ms=0)

    assert (answer.status_code, answer.headers["x-cache-layer"]) == (200, "none")


def test_metrics__texts_embedded_by_a_provider__tokens_counted(world: World) -> None:
    world.settle(REMOTE)
    world.layer("Can I change my address?")

    text = httpx2.get(f"{world.gateway.url}/metrics").text
    assert 'reprise_embedding_tokens_total{model="text-embedding-3-small"}' in text
