"""Calls that ask the same at the same time, over two gateways."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.gateway.pairs import Pair, chat_request, layers
from tests.gateway.scripted import Reply, answer, chunk, stream_end
from tests.gateway.serving import events, wait_until
from tests.routing.builders import ACME_KEY

pytestmark = pytest.mark.model

ONCE = ((b"x-should-retry", b"false"),)
DOWN = Reply((b'{"error": {"message": "down"}}',), status=503, headers=ONCE, pause=0.3)


def slowly(text: str = "In the app.", *, pause: float = 0.5) -> Reply:
    return Reply((answer(text),), pause=pause)


def test_misses__200_at_once_over_two_gateways__one_provider_call(pair: Pair) -> None:
    pair.will(slowly(pause=1.0))

    responses = pair.ask_at_once(*["Where is the manual?"] * 200)

    assert pair.provider.calls == 1
    assert layers(responses) == ["exact"] * 199 + ["none"]
    assert len({response.json()["choices"][0]["message"]["content"] for response in responses}) == 1


def test_misses__follower__status_and_event_tell_of_it(pair: Pair) -> None:
    pair.will(slowly())

    responses = pair.ask_at_once("Who follows?", "Who follows?")

    [follower] = [item for item in responses if item.headers["x-cache-layer"] == "exact"]
    assert follower.headers["cache-status"].startswith("reprise; fwd=miss; collapsed; ttl=")
    event = pair.here.event(follower)
    assert (event.layer, event.result, event.reason) == ("exact", "hit", "coalesced")
    assert event.provider == ""


def test_misses__leader_streams__followers_get_the_replay(pair: Pair) -> None:
    pair.will(Reply((chunk("In "), chunk("time."), stream_end()), pause=0.2))

    responses = pair.ask_at_once("Is it streamed?", "Is it streamed?", stream=True)

    assert pair.provider.calls == 1
    assert layers(responses) == ["exact", "none"]
    assert {text_of(response) for response in responses} == {"In time."}


def test_misses__answer_not_stored__followers_go_alone_at_once(pair: Pair) -> None:
    cut = json.loads(answer("Cut"))
    cut["choices"][0]["finish_reason"] = "length"
    reply = Reply((json.dumps(cut).encode(),), pause=0.5)
    pair.will(*[reply] * 4)

    responses = pair.ask_at_once(*["Is it cut short?"] * 4)

    assert (pair.provider.calls, layers(responses)) == (4, ["none"] * 4)
    assert max(response.elapsed.total_seconds() for response in responses) < 3


def test_misses__answers_were_not_stored_before__nobody_waits(pair: Pair) -> None:
    cut = json.loads(answer("Cut"))
    cut["choices"][0]["finish_reason"] = "length"
    reply = Reply((json.dumps(cut).encode(),), pause=0.2)
    pair.will(*[reply] * 3)
    pair.ask_at_once("Is it always cut?")
    wait_until(lambda: pair.here.redis.keys("*:l:*"))

    responses = pair.ask_at_once(*["Is it always cut?"] * 2)

    assert pair.provider.calls == 3
    assert layers(responses) == ["none"] * 2


def test_misses__provider_fails_once__one_follower_takes_over(pair: Pair) -> None:
    pair.will(DOWN, slowly())

    responses = pair.ask_at_once(*["Does it fail once?"] * 10)

    statuses = sorted(response.status_code for response in responses)
    assert (pair.provider.calls, statuses) == (2, [200] * 9 + [503])


def test_misses__provider_stays_down__two_take_over_and_the_rest_get_its_error(pair: Pair) -> None:
    pair.will(DOWN, DOWN, DOWN)

    responses = pair.ask_at_once(*["Does it stay down?"] * 20)

    assert pair.provider.calls == 3
    assert {response.status_code for response in responses} == {503}
    assert {response.text for response in responses} == {'{"error": {"message": "down"}}'}


def test_misses__provider_refuses_the_call__each_asks_for_itself(pair: Pair) -> None:
    pair.will(*[Reply((b"{}",), status=400, pause=0.3)] * 3)

    responses = pair.ask_at_once(*["Is it refused?"] * 3)

    assert pair.provider.calls == 3
    assert [response.status_code for response in responses] == [400] * 3


def test_misses__leader_too_slow__followers_go_alone(pair: Pair) -> None:
    pair.will(slowly("Late.", pause=4.8), slowly("Early.", pause=0.1))

    responses = pair.ask_at_once("Is it slow?", "Is it slow?")

    assert (pair.provider.calls, layers(responses)) == (2, ["none", "none"])


def test_misses__policy_without_single_flight__each_asks(pair: Pair) -> None:
    pair.will(*[slowly()] * 3)

    pair.ask_at_once(*["Is it alone?"] * 3, cache={"policy": "solo"})

    assert pair.provider.calls == 3


@pytest.mark.parametrize("control", ["bypass", "no_store"])
def test_misses__call_with_controls_of_its_own__asks_for_itself(pair: Pair, control: str) -> None:
    pair.will(slowly(), slowly())

    pair.ask_at_once(*[f"What does {control} do?"] * 2, cache={control: True})

    assert pair.provider.calls == 2


def test_misses__leaders_app_goes_away__followers_still_answered(pair: Pair) -> None:
    pair.will(slowly(pause=1.0))

    followers = asyncio.run(_leave_first(pair, "Who leaves first?", stay=2))

    assert pair.provider.calls == 1
    assert layers(followers) == ["exact", "exact"]


def test_misses__followers_app_goes_away__its_event_says_so_and_nothing_was_billed(
    pair: Pair,
) -> None:
    pair.will(slowly(pause=1.0))
    asked = "Who does not wait?"

    asyncio.run(_leave_second(pair, asked))

    def left() -> list[Any]:
        return [item for item in events(pair.here.redis).values() if item.endpoint == asked]

    wait_until(lambda: len(left()) == 2)
    [gone] = [item for item in left() if item.status == 499]
    assert (gone.error, gone.cost_nanousd, pair.provider.calls) == ("client_gone", 0, 1)


def test_misses__similar_questions__one_provider_call(pair: Pair) -> None:
    pair.will(slowly(pause=1.0))

    responses = pair.ask_at_once("How do I renew my passport?", "How can I renew my passport?")

    assert (pair.provider.calls, layers(responses)) == (1, ["none", "semantic"])


def test_misses__similar_question_that_a_guard_tells_apart__asked_too(pair: Pair) -> None:
    pair.will(slowly(), slowly())

    pair.ask_at_once("Can I return it within 14 days?", "Can I return it within 30 days?")

    assert pair.provider.calls == 2


async def _leave_first(pair: Pair, question: str, *, stay: int) -> list[httpx2.Response]:
    """The answers to calls that come after one whose app then goes away."""
    async with httpx2.AsyncClient(timeout=20) as client:
        leader = asyncio.create_task(_post(client, pair.here.url, question))
        await asyncio.sleep(0.3)
        urls = [pair.there.url, pair.here.url][:stay]
        followers = [asyncio.create_task(_post(client, url, question)) for url in urls]
        await asyncio.sleep(0.3)
        leader.cancel()
        return [await follower for follower in followers]


async def _leave_second(pair: Pair, question: str) -> None:
    """Two calls; the app of the one that waits goes away."""
    async with httpx2.AsyncClient(timeout=20) as client:
        leader = asyncio.create_task(_post(client, pair.here.url, question))
        await asyncio.sleep(0.3)
        follower = asyncio.create_task(_post(client, pair.there.url, question))
        await asyncio.sleep(0.3)
        follower.cancel()
        await leader


async def _post(client: httpx2.AsyncClient, url: str, question: str) -> httpx2.Response:
    return await client.post(
        f"{url}/v1/chat/completions",
        json=chat_request(question, cache={"endpoint": question}),
        headers={"authorization": f"Bearer {ACME_KEY}"},
    )


def text_of(response: httpx2.Response) -> str:
    data = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    choices = [choice for item in data for choice in json.loads(item)["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)
