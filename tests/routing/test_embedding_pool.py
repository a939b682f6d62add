from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from routing.active import ActiveConfig, ActiveTenant, activate
from routing.embedding.pool import EmbedderPool, ModelKey
from routing.embedding.session import Vector
from routing.errors import CacheUnavailable, ConfigError, ProviderError
from routing.providers.targets import Target
from tests.routing.builders import snapshot, tenant


class Model:
    """An embedder that is ready when the test says so."""

    weight_bytes = 1_000

    def __init__(self, key: ModelKey) -> None:
        self.key = key
        self.ready = False
        self.may_start = asyncio.Event()
        self.failure = ""
        self.closed = False

    @property
    def model_id(self) -> str:
        return f"{self.key.name}@1"

    @property
    def dimensions(self) -> int:
        return 3

    async def start(self) -> None:
        if self.failure:
            raise ConfigError(self.failure)
        await self.may_start.wait()
        self.ready = True

    async def close(self) -> None:
        self.ready = False
        self.closed = True

    async def embed(self, text: str) -> Vector | None:
        return np.array([1, 0, 0], dtype=np.float32)

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        return [await self.embed(text) for text in texts]


class World:
    """A pool, and the models it has made by name."""

    def __init__(self) -> None:
        self.made: dict[str, Model] = {}
        self.secrets = {"uid-acme": "sk-acme", "uid-globex": "sk-acme"}
        self.pool = EmbedderPool(
            default="small",
            max_local=2,
            make=self._make,
            target=self._target,
            on_error=lambda stage: None,
            kept_in=Path("models"),
        )

    def follow(self, acme: str = "", **others: str) -> None:
        tenants = {"acme": acme} | others
        named = [tenant(slug, embedding_model=name) for slug, name in tenants.items()]
        self.pool.follow(activate(snapshot(*named)))

    async def load(self, name: str) -> None:
        self.made[name].may_start.set()
        await settle()

    @property
    def acme(self) -> str:
        return self.pool.of_tenant("uid-acme").model_id

    def _make(self, key: ModelKey) -> Model:
        model = self.made[key.name] = Model(key)
        return model

    def _target(self, active: ActiveConfig, owner: ActiveTenant, model: str) -> Target:
        secret = self.secrets[owner.config.uid]
        if not secret:
            raise ProviderError("no account", status=503, code="no_provider")
        return Target("openai", model, "http://provider/v1", secret)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("routing.embedding.pool._FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr("routing.embedding.pool._LINGER_SECONDS", 0.01)
    world = World()
    world.pool.start()
    await world.load("small")
    yield world
    await world.pool.close()


def told(world: World, name: str) -> Any:
    return next(model for model in world.pool.models() if model.name == name)


async def test_follow__tenant_names_none__default_model(world: World) -> None:
    world.follow("")

    assert world.acme == "small@1"


async def test_follow__model_still_loading__former_model_goes_on(world: World) -> None:
    world.follow("")
    world.follow("large")

    assert world.acme == "small@1"
    assert world.pool.settled("uid-acme") is None


async def test_follow__model_loaded__tenant_switches(world: World) -> None:
    world.follow("")
    world.follow("large")
    await world.load("large")

    assert world.acme == "large@1"
    assert world.pool.settled("uid-acme") is not None


async def test_follow__first_snapshot_names_a_model__not_the_default_meanwhile(
    world: World,
) -> None:
    world.follow("large")

    assert world.acme == "large@1"
    assert not world.pool.of_tenant("uid-acme").ready


async def test_follow__two_tenants_name_one_model__made_once(world: World) -> None:
    world.follow("large", globex="large")

    assert world.pool.of_tenant("uid-acme") is world.pool.of_tenant("uid-globex")
    assert told(world, "large").tenants == 2


async def test_follow__nobody_names_it_any_more__unloaded(world: World) -> None:
    world.follow("large")
    await world.load("large")
    world.follow("")
    await asyncio.sleep(0.05)

    assert world.made["large"].closed
    assert [model.name for model in world.pool.models()] == ["small"]


async def test_follow__default_named_by_nobody__stays(world: World) -> None:
    world.follow("large")
    await world.load("large")
    await asyncio.sleep(0.05)

    assert told(world, "small").ready


async def test_load__cannot_be_had__told_and_tried_again(world: World) -> None:
    world.follow("large")
    world.made["large"].failure = "no such directory"
    await settle()
    assert told(world, "large").error == "no such directory"

    world.made["large"].failure = ""
    world.made["large"].may_start.set()
    await asyncio.sleep(0.1)

    assert told(world, "large").error == ""
    assert world.acme == "large@1"


async def test_follow__no_name_of_a_model__former_stays_and_reason_told(world: World) -> None:
    world.follow("")
    world.follow("../large")

    assert world.acme == "small@1"
    assert "is no embedding model" in told(world, "../large").error


async def test_follow__no_name_after_a_start__cache_unavailable(world: World) -> None:
    world.follow("../large")

    with pytest.raises(CacheUnavailable, match="is no embedding model"):
        _ = world.acme


async def test_follow__more_models_than_may_be__told_and_loaded_once_there_is_room(
    world: World,
) -> None:
    world.follow("large", globex="third")
    assert "EMBEDDING_MAX_MODELS" in told(world, "third").error

    world.follow("", globex="third")
    await asyncio.sleep(0.05)
    await world.load("third")

    assert told(world, "third").ready


async def test_follow__credential_withdrawn__not_used_until_the_new_one_is_ready(
    world: World,
) -> None:
    world.follow("openai:m")
    await world.load("openai:m")
    world.secrets["uid-acme"] = "sk-new"
    world.follow("openai:m")

    assert not world.pool.of_tenant("uid-acme").ready


async def test_follow__no_account_for_it__told(world: World) -> None:
    world.secrets["uid-acme"] = ""
    world.follow("openai:m")

    assert told(world, "openai:m").error == "no account"


async def test_of_tenant__never_heard_of__default_model(world: World) -> None:
    assert world.pool.of_tenant("uid-new").model_id == "small@1"


async def test_pool__malformed_default__config_error() -> None:
    with pytest.raises(ConfigError):
        EmbedderPool(
            default="openai:",
            max_local=1,
            make=Model,
            target=World._target,  # type: ignore[arg-type]  # never called
            on_error=print,
            kept_in=Path("models"),
        )
