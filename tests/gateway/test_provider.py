from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from routing.errors import ProviderError
from routing.gateway.completion import StreamReader, parse_completion
from routing.providers.brake import FAILURES, LASTING_SECONDS
from routing.providers.openai import AnswerLost, OpenAIProvider, ProviderRefusal
from routing.providers.targets import Target
from tests.gateway.scripted import Reply, ScriptedProvider, answer
from tests.gateway.serving import Sandbox

SOON = ((b"retry-after-ms", b"1"),)


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

    assert answer.said.fault == ""
    assert answer.usage.output_tokens > 0


async def test_stream__sandbox_answers__same_text_as_whole(
    provider: OpenAIProvider, sandbox: Sandbox
) -> None:
    whole = parse_completion(await provider.complete(body(), target=target(sandbox.url)))
    reader = StreamReader(keep_usage=True)

    await follow(provider, sandbox, reader)

    assert reader.answer().said == whole.said


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


@pytest.mark.parametrize("status", [408, 409, 429, 500, 529])
async def test_complete__refused_once__asked_again_and_told(
    provider: OpenAIProvider, scripted: ScriptedProvider, status: int
) -> None:
    asked: list[bool] = []

    def may_retry() -> bool:
        asked.append(True)
        return True

    scripted.will(Reply((b"{}",), status=status, headers=SOON), Reply((answer(),)))

    whole = await provider.complete(body(), target=target(scripted.url), may_retry=may_retry)

    assert (whole, asked) == (answer(), [True])


@pytest.mark.parametrize("status", [400, 401, 404, 422])
async def test_complete__refused_for_good__asked_once(
    provider: OpenAIProvider, scripted: ScriptedProvider, status: int
) -> None:
    scripted.will(Reply((b"{}",), status=status))

    with pytest.raises(ProviderError):
        await provider.complete(body(), target=target(scripted.url))

    assert scripted.calls == 1


async def test_complete__provider_says_not_to_retry__asked_once(
    provider: OpenAIProvider, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((b"{}",), status=500, headers=((b"x-should-retry", b"false"),)))

    with pytest.raises(ProviderRefusal):
        await provider.complete(body(), target=target(scripted.url))

    assert scripted.calls == 1


async def test_complete__embeddings_go_on_failing__asked_all_the_same(
    provider: OpenAIProvider, scripted: ScriptedProvider
) -> None:
    scripted.will(*[Reply((b"{}",), status=500)] * FAILURES, Reply((answer(),)))
    for _ in range(FAILURES):
        with pytest.raises(ProviderRefusal):
            await provider.embed(b"{}", target=target(scripted.url), may_retry=lambda: False)
        await asyncio.sleep(1.1 * LASTING_SECONDS / FAILURES)

    assert await provider.complete(body(), target=target(scripted.url)) == answer()


async def test_complete__retry_not_wanted__asked_once(
    provider: OpenAIProvider, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((b"{}",), status=500, headers=SOON))

    with pytest.raises(ProviderRefusal):
        await provider.complete(body(), target=target(scripted.url), may_retry=lambda: False)

    assert scripted.calls == 1


async def test_complete__refused_thrice__given_up(
    provider: OpenAIProvider, scripted: ScriptedProvider
) -> None:
    scripted.will(*[Reply((b"{}",), status=500, headers=SOON)] * 3)

    with pytest.raises(ProviderRefusal):
        await provider.complete(body(), target=target(scripted.url))

    assert scripted.calls == 3


@pytest.mark.parametrize("pieces", [(), (answer()[:20],)])
async def test_complete__answer_lost_on_the_way__never_asked_again(
    provider: OpenAIProvider, scripted: ScriptedProvider, pieces: tuple[bytes, ...]
) -> None:
    scripted.will(Reply(pieces, cut=True))

    with pytest.raises(AnswerLost) as caught:
        await provider.complete(body(), target=target(scripted.url))

    assert (caught.value.status, scripted.calls) == (502, 1)


async def test_stream__refused_once__asked_again(
    provider: OpenAIProvider, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((b"{}",), status=503, headers=SOON), Reply((b"data: [DONE]\n\n",)))

    async with provider.stream(body(stream=True), target=target(scripted.url)) as pieces:
        read = b"".join([piece async for piece in pieces])

    assert read == b"data: [DONE]\n\n"


async def test_accounts__more_than_may_be_open__oldest_closed_after_its_last_call(
    scripted: ScriptedProvider,
) -> None:
    provider = OpenAIProvider(timeout_seconds=5, max_accounts=1)
    scripted.will(Reply((answer("A"),), pause=0.2), Reply((answer("B"),)))

    first = asyncio.create_task(provider.complete(body(), target=target(scripted.url, key="a")))
    await asyncio.sleep(0.1)
    second = await provider.complete(body(), target=target(scripted.url, key="b"))

    assert (await first, second) == (answer("A"), answer("B"))
    await provider.close()
    # A connection that nobody closed warns when it is collected, and warnings are errors.
    gc.collect()


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
