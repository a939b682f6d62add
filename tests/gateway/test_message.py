"""Messages that are more than text: out of the cache as they went in, whole and streamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from routing.gateway.completion import ProviderAnswer, StreamReader, parse_completion
from routing.gateway.message import MessageBuilder, message_deltas, read_message
from routing.gateway.replay import completion_body, stream_body
from routing.prices import NO_TOKENS
from routing.types import Answer

CASES = json.loads((Path(__file__).parent / "cases" / "assistant_messages.json").read_text())
each_message = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["name"]) for case in CASES]
)
# The client's own streaming helper knows calls of functions alone.
each_message_the_client_knows = pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["name"]) for case in CASES if "custom" not in case["name"]],
)


def answer(message: bytes) -> Answer:
    return Answer(
        text="",
        layer="exact",
        similarity=1.0,
        entry_id="p.e",
        age_seconds=5,
        ttl_seconds=60,
        model="gpt-5-mini",
        usage=NO_TOKENS,
        cost_nanousd=7,
        message=message,
    )


def whole(message: bytes) -> bytes:
    return completion_body(answer(message), response_id="r1", model="m", created=9)


def streamed(message: bytes) -> bytes:
    return stream_body(answer(message), response_id="r1", model="m", created=9, include_usage=True)


def read(stream: bytes) -> ProviderAnswer:
    reader = StreamReader(keep_usage=True)
    reader.feed(stream)
    return reader.answer()


def chunks(stream: bytes) -> list[ChatCompletionChunk]:
    events = stream.decode().removesuffix("data: [DONE]\n\n").split("\n\n")
    # As the client itself does it, without validation.
    return [ChatCompletionChunk.construct(**json.loads(event[6:])) for event in events if event]


def meaning(message: Any) -> Any:
    """`message` without what says nothing."""
    return {name: value for name, value in message.items() if value not in (None, [])}


def built(*deltas: Any, finish_reason: str = "tool_calls") -> Any:
    builder = MessageBuilder()
    for delta in deltas:
        builder.add(delta)
    return builder.said(finish_reason=finish_reason)


@each_message
def test_whole__stored_message__same_bytes_and_finish_reason(case: Any) -> None:
    message = json.dumps(case["message"], indent=1).encode()

    body = whole(message)

    assert b'"message":' + message in body
    assert json.loads(body)["choices"][0]["finish_reason"] == case["finish_reason"]


@each_message_the_client_knows
def test_stream__official_client__puts_the_same_message_together(case: Any) -> None:
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks(streamed(json.dumps(case["message"]).encode())):
        state.handle_chunk(chunk)

    choice = state.get_final_completion().choices[0]

    told = choice.message.model_dump(exclude_none=True, exclude_unset=True)
    for call in told.get("tool_calls", []):
        call.pop("index")
        call.get("function", {}).pop("parsed_arguments", None)
    assert (meaning(told), choice.finish_reason) == (
        meaning(case["message"]),
        case["finish_reason"],
    )


@each_message
def test_stream__read_like_a_provider__same_message(case: Any) -> None:
    said = read(streamed(json.dumps(case["message"]).encode())).said

    assert (meaning(json.loads(said.message)), said.fault) == (meaning(case["message"]), "")


@each_message
def test_stream__stored_from_a_stream_and_served_whole__same_message(case: Any) -> None:
    message = json.dumps(case["message"]).encode()

    again = parse_completion(whole(read(streamed(message)).said.message)).said

    assert meaning(json.loads(again.message)) == meaning(case["message"])


@each_message
def test_read_message__whole__kept_in_the_providers_bytes(case: Any) -> None:
    message = json.dumps(case["message"], indent=2).encode()

    said = read_message(message, finish_reason=case["finish_reason"])

    assert (said.message, said.fault) == (message, "")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
calls = st.builds(
    lambda number, name, arguments: {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    st.integers(0, 99),
    texts.filter(bool),
    texts,
)


@settings(deadline=None)
@given(st.none() | texts, st.lists(calls, min_size=1, max_size=3))
def test_message_deltas__any_calls__put_together_to_the_same(
    content: str | None, made: list[Any]
) -> None:
    message = {"role": "assistant", "content": content, "tool_calls": made}

    said = built(*map(json.loads, message_deltas(json.dumps(message).encode())))

    assert json.loads(said.message) == {**message, "refusal": None, "annotations": []}


def piece(**call: Any) -> Any:
    return {"tool_calls": [{"index": 0, **call}]}


def test_builder__calls_by_turns__each_gets_its_own_pieces() -> None:
    def part(index: int, text: str) -> Any:
        return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}

    said = built(part(1, "b"), part(0, "a"), part(1, "B"), part(0, "A"))

    made = json.loads(said.message)["tool_calls"]
    assert [call["function"]["arguments"] for call in made] == ["aA", "bB"]


def test_builder__id_and_name_said_again__counted_once() -> None:
    named = piece(id="c1", type="function", function={"name": "f", "arguments": "{"})

    said = built(named, piece(id="c1", function={"name": "f", "arguments": "}"}))

    assert json.loads(said.message)["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param([piece(id="c1"), piece(id="c2")], id="two calls under one index"),
        pytest.param([{"tool_calls": [{"id": "c1"}]}], id="call without index"),
        pytest.param([{"tool_calls": "f"}, {"tool_calls": {}}], id="calls of another shape"),
        pytest.param([piece(function="f"), piece(function={})], id="function of another shape"),
        pytest.param([piece(function={"arguments": 1})], id="arguments of another shape"),
        pytest.param([{"function_call": {"arguments": []}}], id="old function of another shape"),
        pytest.param([{"role": "user"}], id="another role"),
        pytest.param([{"content": [{"type": "text"}]}], id="parts"),
        pytest.param([{"reasoning_details": [{"index": 0}]}], id="list nobody knows to join"),
    ],
)
def test_builder__cannot_be_put_together__says_so(deltas: list[Any]) -> None:
    assert built(*deltas).fault == "unknown_shape"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=5,
)
fields = st.sampled_from(
    ["role", "content", "tool_calls", "function_call", "refusal", "annotations", "audio", "x"]
)
odd_calls = st.dictionaries(
    st.sampled_from(["index", "id", "type", "function", "custom"]),
    values | st.dictionaries(st.sampled_from(["name", "arguments", "input"]), values),
)
messages = st.dictionaries(fields, values | st.lists(odd_calls, max_size=2), max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.lists(messages, max_size=3), st.sampled_from(["stop", "tool_calls", "", "x"]))
def test_messages__any_json__read_without_a_fault_of_ours(
    deltas: list[Any], finish_reason: str
) -> None:
    said = built(*deltas, finish_reason=finish_reason)

    for message in [said.message or b"{}", *(json.dumps(delta).encode() for delta in deltas)]:
        found = read_message(message, finish_reason=finish_reason)
        if not found.fault:
            assert whole(found.message)
            assert streamed(found.message)
