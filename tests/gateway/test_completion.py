from __future__ import annotations

import json
from typing import Any

import pytest

from routing.errors import ProviderError
from routing.gateway.completion import ProviderAnswer, StreamReader, parse_completion
from routing.ledger import MAX_TOKENS
from routing.prices import Usage

USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
COUNTED = Usage(input_tokens=6, output_tokens=3, cache_read_input_tokens=4)
STREAM = (
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"In the "}}]}\n\n'
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"app."}}]}\n\n'
    b'data: {"model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
)
USAGE_CHUNK = b'data: {"model":"m-1","choices":[],"usage":' + json.dumps(USAGE).encode() + b"}\n\n"
END = b"data: [DONE]\n\n"


def completion(*, finish_reason: str = "stop", usage: Any = USAGE, **message: Any) -> bytes:
    content = {"role": "assistant", "content": "In the app."} | message
    choice = {"index": 0, "message": content, "finish_reason": finish_reason}
    return json.dumps({"model": "m-1", "choices": [choice], "usage": usage}).encode()


def read(stream: bytes, *, keep_usage: bool = True, piece: int = 10**6) -> tuple[bytes, Any]:
    reader = StreamReader(keep_usage=keep_usage)
    shown = b"".join(
        reader.feed(stream[start : start + piece]) for start in range(0, len(stream), piece)
    )
    return shown + reader.rest(), reader


def test_completion__stopped_text__complete() -> None:
    assert parse_completion(completion()) == ProviderAnswer(
        text="In the app.", model="m-1", usage=COUNTED, complete=True
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(completion(finish_reason="length"), id="cut at the limit"),
        pytest.param(completion(finish_reason="content_filter"), id="filtered"),
        pytest.param(completion(content=None), id="no text"),
        pytest.param(completion(content="  "), id="blank"),
        pytest.param(completion(refusal="I cannot."), id="refusal"),
        pytest.param(completion(tool_calls=[{"id": "1"}]), id="tool call"),
        pytest.param(completion(function_call={"name": "f"}), id="function call"),
        pytest.param(completion(audio={"id": "a"}), id="audio"),
        pytest.param(completion(annotations=[{"type": "url_citation"}]), id="citations"),
        pytest.param(b'{"model":"m-1","choices":[]}', id="no choice"),
        pytest.param(b"<html>", id="not JSON"),
    ],
)
def test_completion__unfit_to_serve_again__not_complete(body: bytes) -> None:
    assert not parse_completion(body).complete


def test_completion__empty_lists_beside_the_text__complete() -> None:
    body = completion(annotations=[], tool_calls=None, refusal=None, audio=None, function_call=None)

    assert parse_completion(body).complete


def test_completion__several_choices__usage_counted_but_not_complete() -> None:
    choice = {"message": {"content": "A"}, "finish_reason": "stop"}
    body = json.dumps({"model": "m-1", "choices": [choice, choice], "usage": USAGE}).encode()

    answer = parse_completion(body)

    assert (answer.usage, answer.complete) == (COUNTED, False)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"choices": None}, id="no list of choices"),
        pytest.param({"choices": [{"message": {"content": [{"type": "text"}]}}]}, id="parts"),
        pytest.param({"model": None}, id="no model"),
        pytest.param({"usage": USAGE | {"prompt_tokens_details": []}}, id="details"),
    ],
)
def test_completion__field_of_another_shape__what_can_be_read_of_usage_counts(odd: Any) -> None:
    body = {"model": "m-1", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 3}}

    answer = parse_completion(json.dumps(body | odd).encode())

    assert (answer.usage, answer.complete) == (Usage(input_tokens=10, output_tokens=3), False)


@pytest.mark.parametrize("count", [None, "10", -1, 1.5, True])
def test_completion__count_that_is_none__others_still_count(count: Any) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": 3}

    assert parse_completion(completion(usage=usage)).usage == Usage(output_tokens=3)


def test_completion__impossible_count__limited_to_what_a_ledger_can_hold() -> None:
    answer = parse_completion(completion(usage={"prompt_tokens": 2**63, "completion_tokens": 3}))

    assert answer.usage == Usage(input_tokens=MAX_TOKENS, output_tokens=3)


def test_stream__field_of_another_shape__usage_counted() -> None:
    chunk = b'data: {"choices":null,"model":"m-1","usage":' + json.dumps(USAGE).encode() + b"}\n\n"

    _, reader = read(STREAM + chunk + END)

    assert (reader.answer().usage, reader.answer().complete) == (COUNTED, False)


@pytest.mark.parametrize("piece", range(1, 40))
def test_stream__cut_anywhere__same_answer_and_bytes(piece: int) -> None:
    shown, reader = read(STREAM + USAGE_CHUNK + END, piece=piece)

    assert shown == STREAM + USAGE_CHUNK + END
    assert reader.answer() == ProviderAnswer(
        text="In the app.", model="m-1", usage=COUNTED, complete=True
    )


def test_stream__usage_not_asked__left_out_but_counted() -> None:
    shown, reader = read(STREAM + USAGE_CHUNK + END, keep_usage=False, piece=7)

    assert shown == STREAM + END
    assert reader.answer().usage == COUNTED


def test_stream__carriage_returns__read() -> None:
    _, reader = read((STREAM + END).replace(b"\n", b"\r\n"))

    assert reader.answer().complete


def test_stream__multibyte_character_cut_in_two__kept_whole() -> None:
    stream = STREAM.replace(b"app.", "añ.".encode()) + END

    _, reader = read(stream, piece=1)

    assert reader.answer().text == "In the añ."


def test_stream__half_an_event_at_the_end__not_shown() -> None:
    shown, _ = read(STREAM + b'data: {"choices":[{"ind')

    assert shown == STREAM


@pytest.mark.parametrize("tail", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
def test_stream__blank_line_missing_at_the_end__still_an_event(tail: bytes) -> None:
    shown, reader = read(STREAM + tail)

    assert shown == STREAM + tail.strip() + b"\n\n"
    assert reader.answer().complete


def test_stream__usage_at_the_end_without_blank_line__counted_but_left_out() -> None:
    shown, reader = read(STREAM + USAGE_CHUNK.strip(), keep_usage=False)

    assert (shown, reader.answer().usage) == (STREAM, COUNTED)


def test_stream__error_in_the_stream__failed_and_not_complete() -> None:
    error = b'data: {"error":{"message":"overloaded","code":503}}\n\n'

    shown, reader = read(STREAM + error + END)

    assert shown == STREAM + error + END
    assert (reader.failed, reader.answer().complete) == (True, False)


def test_stream__no_error_in_a_chunk__read_as_any_other() -> None:
    _, reader = read(STREAM.replace(b'"model":"m-1"', b'"model":"m-1","error":null') + END)

    assert (reader.failed, reader.answer().complete) == (False, True)


@pytest.mark.parametrize("piece", [4096, 2**20])
def test_stream__event_without_end__given_up(piece: int) -> None:
    with pytest.raises(ProviderError) as caught:
        read(b"data: " + b"x" * 2**21, piece=piece)

    assert (caught.value.status, caught.value.code) == (502, "provider_stream_malformed")


def test_stream__no_end_mark__not_complete() -> None:
    _, reader = read(STREAM)

    assert (reader.ended, reader.answer().complete) == (True, False)


def test_stream__cut_in_the_middle__neither_ended_nor_complete() -> None:
    _, reader = read(STREAM[:150])

    assert (reader.ended, reader.answer().complete) == (False, False)


@pytest.mark.parametrize(
    "chunk",
    [
        b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"refusal":"No."}}]}\n\n',
        b'data: {"choices":[{"index":1,"delta":{"content":"B"}}]}\n\n',
        b"data: not json\n\n",
    ],
)
def test_stream__more_than_plain_text__not_complete(chunk: bytes) -> None:
    shown, reader = read(chunk + STREAM + END)

    assert shown == chunk + STREAM + END
    assert not reader.answer().complete
