from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from routing.telemetry.events import Avoided
from tests.gateway.serving import Gateway, Sandbox, events, wait_until
from tests.routing.builders import GLOBEX_KEY

pytestmark = pytest.mark.model


def layer(gateway: Gateway, question: str, **fields: Any) -> str:
    response = gateway.ask(question, **fields)
    assert response.status_code == 200, response.text
    return str(response.headers["x-cache-layer"])


def test_chat__asked_twice__second_comes_from_the_exact_cache(gateway: Gateway) -> None:
    first = gateway.ask("Where can I download my invoice?")
    second = gateway.ask("Where can I download my invoice?")

    assert first.headers["x-cache-layer"] == "none"
    assert second.headers["x-cache-layer"] == "exact"
    assert second.json()["choices"][0]["message"] == first.json()["choices"][0]["message"]


def test_chat__rephrased__comes_from_the_semantic_cache(gateway: Gateway) -> None:
    layer(gateway, "How do I reset my password?")

    response = gateway.ask("How can I reset my password?")

    assert response.headers["x-cache-layer"] == "semantic"
    assert 0.79 <= float(response.headers["x-cache-similarity"]) < 1


def test_chat__curated_question__comes_from_the_faq(gateway: Gateway) -> None:
    response = gateway.ask("When are you open?")

    assert response.headers["x-cache-layer"] == "faq"
    assert response.json()["choices"][0]["message"]["content"] == "From nine to five."


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({"n": 2}, id="several choices"),
        pytest.param({"logprobs": True}, id="log probabilities"),
        pytest.param(
            {"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
            id="forced tool",
        ),
    ],
)
def test_chat__curated_question_in_another_shape__goes_to_the_provider(
    gateway: Gateway, shape: dict[str, Any]
) -> None:
    assert layer(gateway, "When are you open?", **shape) == "none"


def test_chat__official_client__answers_whole_and_streamed(gateway: Gateway) -> None:
    asked: ChatCompletionUserMessageParam = {"role": "user", "content": "Do you ship to Norway?"}
    with gateway.client() as client:
        create = client.chat.completions.create
        whole = create(model="gpt-5-mini", messages=[asked])
        stream = create(model="gpt-5-mini", messages=[asked], stream=True)
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert streamed == whole.choices[0].message.content


def test_chat__streamed_miss__stored_and_replayed_as_a_stream(gateway: Gateway) -> None:
    first = gateway.ask("Is there a student discount?", stream=True)
    second = gateway.ask("Is there a student discount?", stream=True)

    assert first.headers["x-cache-layer"] == "none"
    assert second.headers["x-cache-layer"] == "exact"
    assert text_of(second.content) == text_of(first.content)


@pytest.mark.parametrize("question", ["Can I pay by card here?", "when are you open"])
def test_chat__stream_with_usage__usage_in_the_last_chunk(gateway: Gateway, question: str) -> None:
    options = {"include_usage": True}

    chunks = chunks_of(gateway.ask(question, stream=True, stream_options=options).content)

    assert chunks[-1]["choices"] == []
    assert "prompt_tokens" in chunks[-1]["usage"]


def test_chat__stream_without_usage__no_usage_chunk(gateway: Gateway) -> None:
    chunks = chunks_of(gateway.ask("Do you sell gift cards?", stream=True).content)

    assert all(chunk["choices"] for chunk in chunks)


def test_chat__other_tenant__never_sees_the_answer(gateway: Gateway) -> None:
    layer(gateway, "What is the secret of acme?")

    assert layer(gateway, "What is the secret of acme?", key=GLOBEX_KEY) == "none"


def test_chat__other_user_of_a_personal_policy__never_sees_the_answer(gateway: Gateway) -> None:
    def asked_by(user: str) -> str:
        return layer(gateway, "What is my balance?", cache={"policy": "personal", "user": user})

    assert [asked_by("u1"), asked_by("u1"), asked_by("u2")] == ["none", "exact", "none"]


def test_chat__other_system_prompt__another_answer(gateway: Gateway) -> None:
    def asked(rule: str) -> str:
        messages = [
            {"role": "system", "content": rule},
            {"role": "user", "content": "How long is the warranty?"},
        ]
        return layer(gateway, "", messages=messages)

    assert [asked("Be brief."), asked("Be brief."), asked("Be long.")] == ["none", "exact", "none"]


def test_chat__bypass__asks_the_provider_and_renews_what_is_stored(gateway: Gateway) -> None:
    question = "Which sizes do you have?"
    layer(gateway, question)

    bypassed = gateway.ask(question, cache={"bypass": True})

    assert bypassed.headers["cache-status"] == "reprise; fwd=bypass; stored; detail=asked"
    assert layer(gateway, question) == "exact"


def test_chat__no_store__answer_not_kept(gateway: Gateway) -> None:
    question = "How heavy is the parcel?"

    assert layer(gateway, question, headers={"x-cache-no-store": "1"}) == "none"
    assert layer(gateway, question) == "none"


def test_chat__several_choices__bypass(gateway: Gateway) -> None:
    response = gateway.ask("Name a colour.", n=2)

    assert response.headers["cache-status"] == "reprise; fwd=bypass; detail=several_choices"
    assert gateway.event(response).reason == "several_choices"


def test_chat__routed_model__provider_is_asked_for_the_target(gateway: Gateway) -> None:
    response = gateway.ask("Are you hiring?", model="small")

    event = gateway.event(response)
    assert (event.model_asked, event.model_used) == ("small", "gpt-5-mini")


def test_chat__miss__headers_tell_everything(gateway: Gateway) -> None:
    headers = gateway.ask("Where do you come from?").headers

    assert headers["cache-status"].startswith("reprise; fwd=miss; stored; detail=")
    assert headers["x-snapshot-revision"] == "1"
    assert Decimal(headers["x-cost-usd"]) > 0
    assert len(headers["x-response-id"]) == 36


def test_chat__hit__headers_tell_everything(gateway: Gateway) -> None:
    layer(gateway, "Who founded the company?")

    headers = gateway.ask("Who founded the company?").headers

    assert headers["cache-status"].startswith("reprise; hit; ttl=")
    assert headers["x-cache-similarity"] == "1.0000"
    assert "." in headers["x-cache-entry"]
    assert int(headers["x-cache-age"]) < 60
    assert Decimal(headers["x-cost-usd"]) == 0


def test_chat__explain__decision_record_in_ascii(gateway: Gateway) -> None:
    response = gateway.ask("¿Dónde está mi pedido?", headers={"x-cache-explain": "1"})

    decision = json.loads(response.headers["x-cache-decision"])
    assert (decision["result"], decision["policy"]) == ("miss", "default")
    assert [verdict["layer"] for verdict in decision["layers"]] == ["faq", "exact", "semantic"]


def test_chat__hit__event_books_what_it_saved(gateway: Gateway) -> None:
    miss = gateway.event(gateway.ask("How do I return shoes?"))
    hit = gateway.event(gateway.ask("How do I return shoes?"))

    assert (hit.result, hit.layer, hit.cost_nanousd) == ("hit", "exact", 0)
    assert hit.avoided_nanousd == Avoided(exact=miss.cost_nanousd)
    assert miss.cost_nanousd > 0


def test_chat__streamed_and_whole_misses__ledger_equals_the_providers_meter(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    before = sandbox.meter()["total"]
    long_prompt = {"role": "system", "content": "Follow the house rules. " * 400}

    answers = [
        gateway.ask(
            "",
            messages=[long_prompt, {"role": "user", "content": f"Question number {number}?"}],
            cache={"bypass": True},
            stream=number % 2 == 0,
        )
        for number in range(6)
    ]

    booked = [gateway.event(answer) for answer in answers]
    after = sandbox.meter()["total"]
    assert sum(event.usage.cache_read_input_tokens for event in booked) > 0
    assert [
        sum(event.usage.input_tokens for event in booked),
        sum(event.usage.cache_read_input_tokens for event in booked),
        sum(event.usage.output_tokens for event in booked),
        sum(event.cost_nanousd for event in booked),
    ] == [
        after[name] - before[name]
        for name in ("input_tokens", "cache_read_input_tokens", "output_tokens", "cost_nanousd")
    ]


def test_chat__app_goes_away_and_the_provider_hangs__event_says_499(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    sandbox.control(hang_rate=1.0)
    before = events(gateway.redis).keys()

    with gateway.client(timeout=0.3) as client, pytest.raises(Exception, match="timed out"):
        client.chat.completions.create(
            model="gpt-5-mini", messages=[{"role": "user", "content": "Anyone there?"}]
        )

    wait_until(lambda: events(gateway.redis).keys() - before)
    every = events(gateway.redis)
    event = every[(every.keys() - before).pop()]
    assert (event.status, event.error) == (499, "client_gone")


def test_chat__provider_fails__its_words_and_an_event(gateway: Gateway, sandbox: Sandbox) -> None:
    sandbox.control(rate_limit_rate=1.0, retry_after_seconds=121)

    response = gateway.ask("Does it work?")

    assert response.status_code == 429
    assert response.headers["retry-after"] == "121"
    assert "error" in response.json()
    event = gateway.event(response)
    assert (event.status, event.error, event.provider) == (429, "provider_429", "openai")


def test_chat__stream_cut_by_the_provider__client_raises_and_nothing_is_stored(
    gateway: Gateway, sandbox: Sandbox
) -> None:
    question = "What will be cut?"
    sandbox.control(cut_rate=1.0)

    cut = gateway.ask(question, stream=True)

    assert chunks_of(cut.content)[-1]["error"]["code"] == "provider_unreachable"
    assert (gateway.event(cut).status, gateway.event(cut).error) == (502, "provider_unreachable")
    sandbox.control(cut_rate=0.0)
    assert layer(gateway, question) == "none"


def chunks_of(stream: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in stream.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def text_of(stream: bytes) -> str:
    choices = [choice for chunk in chunks_of(stream) for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)
