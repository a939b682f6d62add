from __future__ import annotations

import json
from typing import Any

import pytest

from routing.cacheability import Said
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


def fault(body: bytes) -> str:
    return parse_completion(body).said.fault


def test_completion__stopped_text__plain() -> None:
    assert parse_completion(completion()) == ProviderAnswer(
        Said(text="In the app."), model="m-1", usage=COUNTED
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(completion(finish_reason="length"), "truncated", id="cut at the limit"),
        pytest.param(completion(finish_reason="content_filter"), "content_filter", id="filtered"),
        pytest.param(completion(finish_reason=""), "cut_off", id="no end"),
        pytest.param(completion(finish_reason="eos"), "finish_reason", id="other end"),
        pytest.param(completion(finish_reason="tool_calls"), "finish_reason", id="no call made"),
        pytest.param(completion(tool_calls=[{}]), "finish_reason", id="call that was forced"),
        pytest.param(completion(audio={"id": "a"}), "unknown_shape", id="audio"),
        pytest.param(completion(role="user"), "unknown_shape", id="role"),
        pytest.param(completion(content=[{"type": "text"}]), "unknown_shape", id="parts"),
        pytest.param(completion(tool_calls=["f"]), "unknown_shape", id="call of another shape"),
        pytest.param(b'{"choices":[{"message":3,"finish_reason":"stop"}]}', "unknown_shape",
                     id="message of another shape"),
        pytest.param(b'{"model":"m-1","choices":[]}', "unknown_shape", id="no choice"),
        pytest.param(b"<html>", "unknown_shape", id="not JSON"),
    ],
)  # fmt: skip
def test_completion__not_to_be_served_again__says_why(body: bytes, expected: str) -> None:
    assert fault(body) == expected


@pytest.mark.parametrize("field", ["annotations", "reasoning_content", "refusal"])
def test_completion__more_than_text__message_in_the_providers_bytes(field: str) -> None:
    message = b'{ "role":"assistant", "content":"A\\u00f1o", "%s": "x" }' % field.encode()
    body = b'{"choices":[{"message":%s,"finish_reason":"stop"}]}' % message

    said = parse_completion(body).said

    assert (said.text, said.message, said.fault) == ("Año", message, "")


def test_completion__refusal__told() -> None:
    assert parse_completion(completion(content=None, refusal="I cannot.")).said.refusal


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"tool_calls": [{"id": "1", "type": "function"}]}, "tool_calls"),
        ({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"),
    ],
)
def test_completion__calls__whole_and_told(call: dict[str, Any], reason: str) -> None:
    said = parse_completion(completion(finish_reason=reason, content=None, **call)).said

    assert (said.tool_calls, said.fault) == (True, "")


def test_completion__empty_lists_beside_the_text__plain() -> None:
    body = completion(annotations=[], tool_calls=None, refusal=None, audio=None, function_call=None)

    assert parse_completion(body).said == Said(text="In the app.")


def test_completion__several_choices__usage_counted_but_not_kept() -> None:
    choice = {"message": {"content": "A"}, "finish_reason": "stop"}
    body = json.dumps({"model": "m-1", "choices": [choice, choice], "usage": USAGE}).encode()

    answer = parse_completion(body)

    assert (answer.usage, answer.said.fault) == (COUNTED, "several_choices")


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

    counted = Usage(input_tokens=10, output_tokens=3)
    assert (answer.usage, answer.said.fault) == (counted, "unknown_shape")


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

    assert (reader.answer().usage, reader.answer().said.fault) == (COUNTED, "unknown_shape")


@pytest.mark.parametrize("piece", range(1, 40))
def test_stream__cut_anywhere__same_answer_and_bytes(piece: int) -> None:
    shown, reader = read(STREAM + USAGE_CHUNK + END, piece=piece)

    assert shown == STREAM + USAGE_CHUNK + END
    assert reader.answer() == ProviderAnswer(Said(text="In the app."), model="m-1", usage=COUNTED)


def test_stream__usage_not_asked__left_out_but_counted() -> None:
    shown, reader = read(STREAM + USAGE_CHUNK + END, keep_usage=False, piece=7)

    assert shown == STREAM + END
    assert reader.answer().usage == COUNTED


def test_stream__carriage_returns__read() -> None:
    _, reader = read((STREAM + END).replace(b"\n", b"\r\n"))

    assert reader.answer().said.fault == ""


def test_stream__multibyte_character_cut_in_two__kept_whole() -> None:
    stream = STREAM.replace(b"app.", "añ.".encode()) + END

    _, reader = read(stream, piece=1)

    assert reader.answer().said.text == "In the añ."


def test_stream__half_an_event_at_the_end__not_shown() -> None:
    shown, _ = read(STREAM + b'data: {"choices":[{"ind')

    assert shown == STREAM


@pytest.mark.parametrize("tail", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
def test_stream__blank_line_missing_at_the_end__still_an_event(tail: bytes) -> None:
    shown, reader = read(STREAM + tail)

    assert shown == STREAM + tail.strip() + b"\n\n"
    assert reader.answer().said.fault == ""


def test_stream__usage_at_the_end_without_blank_line__counted_but_left_out() -> None:
    shown, reader = read(STREAM + USAGE_CHUNK.strip(), keep_usage=False)

    assert (shown, reader.answer().usage) == (STREAM, COUNTED)


def test_stream__error_in_the_stream__failed_and_not_complete() -> None:
    error = b'data: {"error":{"message":"overloaded","code":503}}\n\n'

    shown, reader = read(STREAM + error + END)

    assert shown == STREAM + error + END
    assert (reader.failed, reader.answer().said.fault) == (True, "provider_error")


def test_stream__no_error_in_a_chunk__read_as_any_other() -> None:
    _, reader = read(STREAM.replace(b'"model":"m-1"', b'"model":"m-1","error":null') + END)

    assert (reader.failed, reader.answer().said.fault) == (False, "")


@pytest.mark.parametrize("piece", [4096, 2**20])
def test_stream__event_without_end__given_up(piece: int) -> None:
    with pytest.raises(ProviderError) as caught:
        read(b"data: " + b"x" * 2**21, piece=piece)

    assert (caught.value.status, caught.value.code) == (502, "provider_stream_malformed")


def test_stream__no_end_mark__not_complete() -> None:
    _, reader = read(STREAM)

    assert (reader.ended, reader.answer().said.fault) == (True, "cut_off")


def test_stream__cut_in_the_middle__neither_ended_nor_complete() -> None:
    _, reader = read(STREAM[:150])

    assert (reader.ended, reader.answer().said.fault) == (False, "cut_off")


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        (b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{}]}}]}\n\n', "unknown_shape"),
        (b'data: {"choices":[{"index":0,"delta":{"audio":{"id":"a"}}}]}\n\n', "unknown_shape"),
        (b'data: {"choices":[{"index":1,"delta":{"content":"B"}}]}\n\n', "several_choices"),
        (b"data: not json\n\n", "unknown_shape"),
    ],
)
def test_stream__cannot_be_put_together__says_why(chunk: bytes, expected: str) -> None:
    shown, reader = read(chunk + STREAM + END)

    assert shown == chunk + STREAM + END
    assert reader.answer().said.fault == expected


def test_stream__cut_at_the_limit__truncated() -> None:
    _, reader = read(STREAM.replace(b'"stop"', b'"length"') + END)

    assert reader.answer().said.fault == "truncated"
