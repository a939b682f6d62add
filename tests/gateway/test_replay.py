from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from routing.cacheability import Said
from routing.gateway.completion import StreamReader
from routing.gateway.replay import completion_body, stream_body
from routing.prices import Usage
from routing.types import Answer

USAGE = Usage(input_tokens=6, output_tokens=3, cache_read_input_tokens=4)


def answer(text: str = "In the app, under Orders.", **changes: Any) -> Answer:
    values: dict[str, Any] = {
        "text": text,
        "layer": "exact",
        "similarity": 1.0,
        "entry_id": "p.e",
        "age_seconds": 5,
        "ttl_seconds": 60,
        "model": "gpt-5-mini-2025",
        "usage": USAGE,
        "cost_nanousd": 7,
    }
    return Answer(**(values | changes))


def chunks(stream: bytes) -> list[ChatCompletionChunk]:
    events = stream.decode().removesuffix("data: [DONE]\n\n").split("\n\n")
    return [
        ChatCompletionChunk.model_validate(json.loads(event.removeprefix("data: ")), strict=True)
        for event in events
        if event
    ]


def replayed(text: str, *, include_usage: bool = False) -> bytes:
    return stream_body(
        answer(text), response_id="r1", model="gpt-5-mini", created=9, include_usage=include_usage
    )


def test_completion_body__hit__valid_with_the_original_usage() -> None:
    body = completion_body(answer(), response_id="r1", model="gpt-5-mini", created=9)

    completion = ChatCompletion.model_validate_json(body, strict=True)
    usage = completion.usage
    assert completion.choices[0].message.content == "In the app, under Orders."
    assert completion.id == "chatcmpl-r1"
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 3, 13)


def test_completion_body__curated_answer__names_the_model_asked() -> None:
    body = completion_body(answer(model=""), response_id="r1", model="gpt-5-mini", created=9)

    assert json.loads(body)["model"] == "gpt-5-mini"


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "  Leading and trailing  ",
        "Lines\n\n- one\n- two\n",
        'Quote " and \\ and ñ 漢字',
        "x" * 999,
    ],
)
def test_stream_body__any_text__arrives_unchanged(text: str) -> None:
    parts = [chunk.choices[0].delta.content or "" for chunk in chunks(replayed(text))]

    assert "".join(parts) == text


def test_stream_body__long_text__comes_in_small_pieces() -> None:
    parts = chunks(replayed("one two three four five six seven eight nine"))

    assert [chunk.choices[0].delta.content for chunk in parts] == [
        "", "one two three four ", "five six seven eight ", "nine", None,
    ]  # fmt: skip


def test_stream_body__any__ends_with_stop_and_done() -> None:
    stream = replayed("Yes.")

    assert stream.endswith(b"data: [DONE]\n\n")
    assert chunks(stream)[-1].choices[0].finish_reason == "stop"


def test_stream_body__usage_asked__last_chunk_holds_it() -> None:
    last = chunks(replayed("Yes.", include_usage=True))[-1]

    assert last.choices == []
    assert last.usage is not None
    assert last.usage.prompt_tokens == 10


def test_stream_body__read_like_a_provider__complete() -> None:
    reader = StreamReader(keep_usage=True)
    reader.feed(replayed("Yes, it is.", include_usage=True))

    assert reader.answer().said == Said(text="Yes, it is.")
    assert reader.answer().usage == USAGE
