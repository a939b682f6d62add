"""What the gateway keeps of answers, and how it tells what it does not keep."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.gateway.scripted import Reply, ScriptedProvider, answer, chunk, event, stream_end
from tests.gateway.serving import Gateway

pytestmark = pytest.mark.model

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
ARGUMENTS = '{"city": "Málaga",  "note": "say \\"hi\\""}'
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
MESSAGE = {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None}
DELTAS = (
    {"role": "assistant", "content": None, "tool_calls": [
        {"index": 0, **CALL, "function": {"name": "weather", "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": ARGUMENTS[:9]}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": ARGUMENTS[9:]}}]},
)  # fmt: skip
WHOLE = Reply((answer(message=MESSAGE, finish_reason="tool_calls"),))
STREAM = Reply((*(chunk(delta=delta) for delta in DELTAS), stream_end("tool_calls")))


def agent(gateway: Gateway, question: str, **fields: Any) -> httpx2.Response:
    return gateway.ask(question, tools=TOOLS, cache={"policy": "tools"}, **fields)


def helped(gateway: Gateway, question: str) -> Any:
    """The choice that the official client's streaming helper puts together."""
    with (
        gateway.client() as client,
        client.chat.completions.stream(
            model="gpt-5-mini",
            messages=[{"role": "user", "content": question}],
            tools=TOOLS,  # type: ignore[arg-type]  # plain JSON, as an app may write it
            extra_body={"cache": {"policy": "tools"}},
        ) as stream,
    ):
        return stream.get_final_completion().choices[0]


@pytest.mark.parametrize("first", [WHOLE, STREAM], ids=["whole", "streamed"])
def test_tool_call__stored_in_either_form__served_whole_as_it_was(
    scripted_gateway: Gateway, scripted: ScriptedProvider, first: Reply
) -> None:
    scripted.will(first)
    question = f"What is the weather of {len(first.pieces)}?"
    agent(scripted_gateway, question, stream=first is STREAM)

    hit = agent(scripted_gateway, question)

    choice = hit.json()["choices"][0]
    assert hit.headers["x-cache-layer"] == "exact"
    assert (choice["message"]["tool_calls"], choice["finish_reason"]) == ([CALL], "tool_calls")


@pytest.mark.parametrize("first", [WHOLE, STREAM], ids=["whole", "streamed"])
def test_tool_call__stored_in_either_form__streamed_as_it_was(
    scripted_gateway: Gateway, scripted: ScriptedProvider, first: Reply
) -> None:
    scripted.will(first)
    question = f"What is the climate of {len(first.pieces)}?"
    agent(scripted_gateway, question, stream=first is STREAM)

    choice = helped(scripted_gateway, question)

    (call,) = choice.message.tool_calls
    assert (call.id, call.function.name) == ("call_1", "weather")
    assert (call.function.arguments, choice.finish_reason) == (ARGUMENTS, "tool_calls")


def test_whole_message__hit__provider_s_own_bytes(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(WHOLE)
    agent(scripted_gateway, "Which bytes are these?")

    hit = agent(scripted_gateway, "Which bytes are these?")

    assert json.dumps(MESSAGE).encode() in hit.content


def test_stream_without_usage__whole__kept(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    end = chunk(finish_reason="stop") + b"data: [DONE]\n\n"
    scripted.will(Reply((chunk("In the app."), end)))
    scripted_gateway.ask("Who counts the tokens?", stream=True)

    hit = scripted_gateway.ask("Who counts the tokens?")

    assert hit.headers["x-cache-layer"] == "exact"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (answer("Cut", finish_reason="length"), "truncated"),
        (answer("I'm sorry, but I can't help with that."), "refusal"),
        (answer("Write to ana@globex.io."), "personal_email"),
        (answer(message=MESSAGE, finish_reason="tool_calls"), "tool_calls"),
        (answer(" "), "empty"),
    ],
)
def test_answer__not_to_be_kept__reason_in_header_decision_and_event(
    scripted_gateway: Gateway, scripted: ScriptedProvider, reply: bytes, reason: str
) -> None:
    scripted.will(Reply((reply,)), Reply((answer("Fresh."),)))
    question = f"Who keeps what is {reason}?"

    first = scripted_gateway.ask(question, headers={"x-cache-explain": "1"})

    told = json.loads(first.headers["x-cache-decision"])["not_stored"]
    assert told == reason
    assert first.headers["cache-status"].endswith(f',not_stored={reason}"')
    assert scripted_gateway.event(first).reason.split(",")[-1] == f"not_stored={reason}"
    assert scripted_gateway.ask(question).headers["x-cache-layer"] == "none"


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ((chunk("Cut"), stream_end("length")), "truncated"),
        ((chunk("Cut"), stream_end("content_filter")), "content_filter"),
        ((chunk("Cut"), chunk(finish_reason="stop")), "cut_off"),
        ((chunk("No "), chunk(delta={"audio": {"id": "a"}}), stream_end()), "unknown_shape"),
    ],
)
def test_stream__not_to_be_kept__reason_in_the_event(
    scripted_gateway: Gateway, scripted: ScriptedProvider, pieces: tuple[bytes, ...], reason: str
) -> None:
    scripted.will(Reply(pieces), Reply((answer("Fresh."),)))
    question = f"Which stream is {reason}?"

    first = scripted_gateway.ask(question, stream=True)

    assert scripted_gateway.event(first).reason.split(",")[-1] == f"not_stored={reason}"
    assert scripted_gateway.ask(question).headers["x-cache-layer"] == "none"


@pytest.mark.parametrize(
    ("cut", "reply"),
    [
        ("broken off", Reply((chunk("Cut "),), cut=True)),
        ("ended early", Reply((chunk("Cut "),))),
        ("an error", Reply((chunk("Cut "), event({"error": {"message": "overloaded"}})))),
        ("without its end mark", Reply((chunk("Cut "), chunk(finish_reason="stop")), cut=True)),
    ],
)
def test_stream__cut_by_the_provider__not_kept(
    scripted_gateway: Gateway, scripted: ScriptedProvider, cut: str, reply: Reply
) -> None:
    scripted.will(reply, Reply((answer("Fresh."),)))
    question = f"Which stream is {cut}?"
    scripted_gateway.ask(question, stream=True)

    again = scripted_gateway.ask(question, cache={"min_similarity": 1.0})
    assert again.headers["x-cache-layer"] == "none"


def test_json_asked__answer_is_none__not_kept(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((answer("Here you are: {}"),)), Reply((answer('{"a": 1}'),)))

    def layer() -> str:
        asked = scripted_gateway.ask("Give me JSON.", response_format={"type": "json_object"})
        return str(asked.headers["x-cache-layer"])

    assert [layer(), layer(), layer()] == ["none", "none", "exact"]


def test_no_store__answer_not_looked_at__nothing_told(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((answer("Write to ana@globex.io."),)))

    first = scripted_gateway.ask("Who asked not to store?", cache={"no_store": True})

    assert "not_stored" not in first.headers["cache-status"]


def test_not_stored__metric__counted_by_reason(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    def count() -> float:
        metrics = httpx2.get(f"{scripted_gateway.url}/metrics").text.splitlines()
        name = 'reprise_answers_not_stored_total{reason="personal_phone"} '
        return sum(float(line.removeprefix(name)) for line in metrics if line.startswith(name))

    before = count()
    scripted.will(Reply((answer("Call +34 612 345 678."),)))
    scripted_gateway.ask("Whom do I call?")

    assert count() == before + 1
