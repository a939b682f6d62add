from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from routing.errors import ProviderError
from routing.gateway.completion import StreamReader, parse_completion
from routing.providers.openai import OpenAIProvider, ProviderRefusal
from routing.providers.targets import Target
from tests.gateway.serving import Sandbox


@pytest.fixture
async def provider() -> AsyncIterator[OpenAIProvider]:
    provider = OpenAIProvider(timeout_seconds=2)
    await provider.start()
    yield provider
    await provider.close()


def body(**fields: Any) -> bytes:
    request = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Where is it?"}]}
    return json.dumps(request | fields).encode()


def target(url: str, *, key: str = "acme") -> Target:
    return Target(provider="openai", model="gpt-5-mini", base_url=f"{url}/v1", api_key=key)


async def follow(provider: OpenAIProvider, sandbox: Sandbox, reader: StreamReader) -> None:
    async with provider.stream(body(stream=True), target=target(sandbox.url)) as pieces:
        async for piece in pieces:
            reader.feed(piece)


async def test_complete__sandbox_answers__whole_answer(
    provider: OpenAIProvider, sandbox: Sandbox
) -> None:
    answer = parse_completion(await provider.complete(body(), target=target(sandbox.url)))

    assert answer.complete
    assert answer.usage.output_tokens > 0


async def test_stream__sandbox_answers__same_text_as_whole(
    provider: OpenAIProvider, sandbox: Sandbox
) -> None:
    whole = parse_completion(await provider.complete(body(), target=target(sandbox.url)))
    reader = StreamReader(keep_usage=True)

    await follow(provider, sandbox, reader)

    assert reader.answer().text == whole.text


async def test_complete__unknown_model__the_providers_words(
    provider: OpenAIProvider, sandbox: Sandbox
) -> None:
    with pytest.raises(ProviderRefusal) as caught:
        await provider.complete(body(model="none"), target=target(sandbox.url))

    assert caught.value.status == 404
    assert caught.value.body is not None
    assert json.loads(caught.value.body)["error"]["code"] == "model_not_found"


async def test_stream__unknown_model__refused_before_the_first_piece(
    provider: OpenAIProvider, sandbox: Sandbox
) -> None:
    with pytest.raises(ProviderRefusal):
        async with provider.stream(body(model="none"), target=target(sandbox.url)):
            pass


async def test_complete__rate_limited__retry_after_kept(
    provider: OpenAIProvider, sandbox: Sandbox
) -> None:
    # Longer than the client waits by itself, so that it gives up at once.
    sandbox.control(rate_limit_rate=1.0, retry_after_seconds=121)

    with pytest.raises(ProviderRefusal) as caught:
        await provider.complete(body(), target=target(sandbox.url))

    assert (caught.value.status, caught.value.retry_after) == (429, "121")


async def test_complete__no_answer__504(sandbox: Sandbox) -> None:
    provider = OpenAIProvider(timeout_seconds=0.2)
    sandbox.control(hang_rate=1.0)

    with pytest.raises(ProviderError) as caught:
        await provider.complete(body(), target=target(sandbox.url))

    await provider.close()
    assert (caught.value.status, caught.value.code) == (504, "provider_timeout")


async def test_stream__no_answer__504(sandbox: Sandbox) -> None:
    provider = OpenAIProvider(timeout_seconds=0.2)
    sandbox.control(hang_rate=1.0)

    with pytest.raises(ProviderError) as caught:
        async with provider.stream(body(stream=True), target=target(sandbox.url)):
            pass

    await provider.close()
    assert (caught.value.status, caught.value.code) == (504, "provider_timeout")


async def test_complete__nobody_listens__502(provider: OpenAIProvider) -> None:
    with pytest.raises(ProviderError) as caught:
        await provider.complete(body(), target=target("http://127.0.0.1:1"))

    assert (caught.value.status, caught.value.code) == (502, "provider_unreachable")


async def test_stream__cut__error_from_the_iterator(
    provider: OpenAIProvider, sandbox: Sandbox
) -> None:
    sandbox.control(cut_rate=1.0)
    reader = StreamReader(keep_usage=True)

    with pytest.raises(ProviderError) as caught:
        await follow(provider, sandbox, reader)

    assert caught.value.status == 502
    assert not reader.ended
