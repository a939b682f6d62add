"""An embedding model behind OpenAI's API, which the sandbox speaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest
import pytest_asyncio

from routing.embedding.remote import RemoteEmbedder
from routing.embedding_models import parse_model_name
from routing.errors import CacheUnavailable, ProviderError
from routing.providers.openai import OpenAIProvider
from routing.providers.targets import Target
from tests.gateway.scripted import Reply, ScriptedProvider
from tests.gateway.serving import Sandbox

Make = Callable[..., RemoteEmbedder]


@pytest_asyncio.fixture
async def make(sandbox: Sandbox) -> AsyncIterator[Make]:
    provider = OpenAIProvider(timeout_seconds=5.0)
    made: list[RemoteEmbedder] = []

    def build(
        name: str = "openai:text-embedding-3-small@256", *, url: str = "", key: str = "sk-acme"
    ) -> RemoteEmbedder:
        target = Target("openai", "any", f"{url or sandbox.url}/v1", key)
        embedder = RemoteEmbedder(
            parse_model_name(name),
            target=target,
            provider=provider,
            timeout_seconds=0.5,
            on_tokens=lambda model, count: BILLED.append((model, count)),
        )
        made.append(embedder)
        return embedder

    BILLED.clear()
    yield build
    for embedder in made:
        await embedder.close()
    await provider.close()
    sandbox.control(embedding_latency_ms=0.0)


BILLED: list[tuple[str, int]] = []


async def started(make: Make, name: str = "openai:text-embedding-3-small@256") -> RemoteEmbedder:
    embedder = make(name)
    await embedder.start()
    return embedder


async def refused(work: Awaitable[object]) -> str:
    with pytest.raises(CacheUnavailable) as raised:
        await work
    return raised.value.reason


async def test_embed__any_text__unit_vector_as_long_as_asked_for(make: Make) -> None:
    embedder = await started(make)

    vector = await embedder.embed("How do I pay?")

    assert vector is not None
    assert vector.dtype == np.float32
    assert vector.shape == (embedder.dimensions,) == (256,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-6)


async def test_start__no_length_asked_for__learns_the_models_own(make: Make) -> None:
    embedder = await started(make, "openai:text-embedding-ada-002")

    assert embedder.dimensions == 1536


async def test_embed__before_start__cache_unavailable(make: Make) -> None:
    assert "not ready" in await refused(make().embed("How do I pay?"))


async def test_embed_many__texts_long_and_short__one_request_and_none_for_the_long(
    make: Make, sandbox: Sandbox
) -> None:
    embedder = await started(make)
    before = sandbox.meter()["total"]["calls"]

    vectors = await embedder.embed_many(["Pay?", "x" * 8_001, "Cancel?"])

    assert [vector is None for vector in vectors] == [False, True, False]
    assert np.array_equal(vectors[0], await embedder.embed("Pay?"))  # type: ignore[arg-type]  # shown above
    assert sandbox.meter()["total"]["calls"] - before == 2


async def test_embed__text_longer_than_the_model_reads__none(make: Make) -> None:
    embedder = await started(make)

    assert await embedder.embed("x" * 8_001) is None


async def test_embed__answered__tokens_told(make: Make) -> None:
    embedder = await started(make)
    await embedder.embed("How do I pay?")

    assert BILLED[-1] == ("text-embedding-3-small", 5)


async def test_model_id__other_length_or_host__another(make: Make) -> None:
    small, large = make(), make("openai:text-embedding-3-small@512")
    elsewhere = make(url="http://127.0.0.1:9")

    assert len({small.model_id, large.model_id, elsewhere.model_id}) == 3


async def test_model_id__other_key__the_same(make: Make) -> None:
    assert make(key="sk-acme").model_id == make(key="sk-rotated").model_id


async def test_start__unknown_model__provider_error(make: Make) -> None:
    with pytest.raises(ProviderError):
        await make("openai:no-such-model").start()


async def test_embed__provider_slower_than_a_call_may_wait__refused_in_time(
    make: Make, sandbox: Sandbox
) -> None:
    embedder = await started(make)
    sandbox.control(hang_rate=1.0)

    assert await refused(embedder.embed("How do I pay?")) == "out of time"


async def test_embed__provider_goes_on_failing__left_alone_until_it_is_back(
    make: Make, sandbox: Sandbox
) -> None:
    embedder = await started(make)
    sandbox.control(error_rate=1.0)
    while "left alone" not in await refused(embedder.embed("How do I pay?")):
        await asyncio.sleep(0.02)

    sandbox.control(error_rate=0.0)

    async with asyncio.timeout(10):
        while await _fails(embedder):
            await asyncio.sleep(0.05)


async def test_embed__provider_goes_on_answering_nonsense__left_alone(
    make: Make, scripted: ScriptedProvider
) -> None:
    vector = json.dumps({"data": [{"index": 0, "embedding": [1.0, 2.0]}]}).encode()
    scripted.will(Reply((vector,)), *[Reply((b"{}",))] * 100)
    embedder = make("openai:text-embedding-ada-002", url=scripted.url)
    await embedder.start()

    told = [await _refused_later(embedder) for _ in range(20)]

    assert any("left alone" in reason for reason in told)


async def _refused_later(embedder: RemoteEmbedder) -> str:
    await asyncio.sleep(0.02)
    return await refused(embedder.embed("How do I pay?"))


async def _fails(embedder: RemoteEmbedder) -> bool:
    try:
        await embedder.embed("How do I pay?")
    except CacheUnavailable:
        return True
    return False


async def test_embed__more_at_once_than_can_wait__refused_not_queued(
    make: Make, sandbox: Sandbox
) -> None:
    embedder = await started(make)
    sandbox.control(embedding_latency_ms=200)

    told = await asyncio.gather(
        *(embedder.embed("How do I pay?") for _ in range(100)), return_exceptions=True
    )

    assert sum(isinstance(answer, CacheUnavailable) for answer in told) >= 36


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": []},
        {"data": [{"index": 0, "embedding": "!"}]},
        {"data": [{"index": 0, "embedding": "AAA="}]},
        {"data": [{"index": 0, "embedding": [0.0, 0.0]}]},
        {"data": [{"index": 0, "embedding": []}]},
        {"data": [{"index": 1, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": [1.0, 2.0]}]},
    ],
)
async def test_start__answer_makes_no_sense__cache_unavailable(
    make: Make, scripted: ScriptedProvider, answer: object
) -> None:
    scripted.will(Reply((json.dumps(answer).encode(),)))
    embedder = make(url=scripted.url)

    assert "gave" in await refused(embedder.start())
