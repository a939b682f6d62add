"""OpenAI's wire format as its official client sees it."""

from __future__ import annotations

import httpx
import openai
import pytest

from tests.sandbox.conftest import Sandbox


def test_completion__same_question_twice__same_text(sandbox: Sandbox) -> None:
    first = sandbox.ask("How do I cancel my order?")
    second = sandbox.ask("How do I cancel my order?")

    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.choices[0].finish_reason == "stop"


def test_completion__another_question__another_text_about_it(sandbox: Sandbox) -> None:
    answer = sandbox.ask("Where is parcel 4711?").choices[0].message.content

    assert "parcel 4711" in answer
    assert answer != sandbox.ask("Where is parcel 4712?").choices[0].message.content


def test_stream__usage_asked_for__text_and_usage_of_the_whole_answer(sandbox: Sandbox) -> None:
    whole = sandbox.ask("How do I pay?")

    chunks = list(sandbox.ask("How do I pay?", stream=True, stream_options={"include_usage": True}))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


def test_stream__usage_not_asked_for__ends_with_the_finish_reason(sandbox: Sandbox) -> None:
    chunks = list(sandbox.ask("How do I pay?", stream=True))

    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_completion__output_limit__stops_there(sandbox: Sandbox) -> None:
    completion = sandbox.ask("How do I pay?", max_completion_tokens=5)

    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 5


@pytest.mark.parametrize("stream", [False, True])
def test_completion__tool_required__calls_it(sandbox: Sandbox, *, stream: bool) -> None:
    tool = {"type": "function", "function": {"name": "find_order", "parameters": {}}}

    answer = sandbox.ask("Where?", tools=[tool], tool_choice="required", stream=stream)

    finish = list(answer)[-1].choices[0] if stream else answer.choices[0]
    assert finish.finish_reason == "tool_calls"


def test_completion__unknown_model__not_found_in_the_apis_shape(sandbox: Sandbox) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        sandbox.ask("How do I pay?", model="gpt-0")

    assert raised.value.code == "model_not_found"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model":"gpt-4o","messages":[]}', b"\xff"])
def test_completion__malformed_body__bad_request(sandbox: Sandbox, body: bytes) -> None:
    answer = httpx.post(
        f"{sandbox.url}/v1/chat/completions", content=body, headers={"authorization": "Bearer k"}
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_completion__no_key__unauthorised(sandbox: Sandbox) -> None:
    answer = httpx.post(f"{sandbox.url}/v1/chat/completions", json={})

    assert answer.status_code == 401


def test_models__listed__name_what_can_be_asked(sandbox: Sandbox) -> None:
    names = [model.id for model in sandbox.client.models.list()]

    assert "gpt-5.6-luna" in names
