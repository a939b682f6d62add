"""A cached answer in the shapes of the chat completions API, whole or as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from routing.gateway.message import finish_reason_of, message_deltas
from routing.prices import Usage
from routing.types import Answer

_encode = msgspec.json.encode
_PIECES = re.compile(r"\s*(?:\S+\s*){1,4}")
_DONE = b"data: [DONE]\n\n"


class _Details(Struct, frozen=True):
    cached_tokens: int


class _ReplayedUsage(Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _Details


class _ReplayedMessage(Struct, frozen=True):
    content: str
    role: str = "assistant"
    refusal: None = None
    annotations: tuple[()] = ()


class _ReplayedChoice(Struct, frozen=True):
    message: _ReplayedMessage | msgspec.Raw
    index: int = 0
    logprobs: None = None
    finish_reason: str = "stop"


class _ReplayedCompletion(Struct, frozen=True):
    id: str
    created: int
    model: str
    choices: tuple[_ReplayedChoice]
    usage: _ReplayedUsage
    object: str = "chat.completion"


def completion_body(answer: Answer, *, response_id: str, model: str, created: int) -> bytes:
    """A ``chat.completion`` with the tokens counted when the answer was first made.

    A message that is more than text is told in the very bytes that were stored.

    `model` is the one asked, used when the answer was written by a person. `created` is in epoch
    seconds.
    """
    return _encode(
        _ReplayedCompletion(
            id=f"chatcmpl-{response_id}",
            created=created,
            model=answer.model or model,
            choices=(_replayed_choice(answer),),
            usage=_replayed_usage(answer.usage),
        )
    )


def stream_body(
    answer: Answer, *, response_id: str, model: str, created: int, include_usage: bool
) -> bytes:
    """The whole event stream of an answer: role, small pieces, finish reason, usage if asked."""
    head = (
        f'data: {{"id":"chatcmpl-{response_id}","object":"chat.completion.chunk",'
        f'"created":{created},"model":'
    ).encode() + _encode(answer.model or model)
    tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
    opening = head + b',"choices":[{"index":0,"delta":'
    going_on = b',"logprobs":null,"finish_reason":null}]' + tail
    out = bytearray()
    for delta in message_deltas(answer.message) if answer.message else _text_deltas(answer.text):
        out += opening
        out += delta
        out += going_on
    reason = finish_reason_of(answer.message).encode()
    out += opening + b'{},"logprobs":null,"finish_reason":"' + reason + b'"}]' + tail
    if include_usage:
        usage = _encode(_replayed_usage(answer.usage))
        out += head + b',"choices":[],"usage":' + usage + b"}\n\n"
    out += _DONE
    return bytes(out)


def _text_deltas(text: str) -> Iterator[bytes]:
    """The deltas of a plain text, a few words each."""
    yield b'{"role":"assistant","content":"","refusal":null}'
    for piece in _PIECES.findall(text):
        yield b'{"content":' + _encode(piece) + b"}"


def _replayed_choice(answer: Answer) -> _ReplayedChoice:
    if not answer.message:
        return _ReplayedChoice(message=_ReplayedMessage(content=answer.text))
    return _ReplayedChoice(
        message=msgspec.Raw(answer.message), finish_reason=finish_reason_of(answer.message)
    )


def _replayed_usage(usage: Usage) -> _ReplayedUsage:
    prompt = usage.total_input_tokens
    return _ReplayedUsage(
        prompt_tokens=prompt,
        completion_tokens=usage.output_tokens,
        total_tokens=prompt + usage.output_tokens,
        prompt_tokens_details=_Details(cached_tokens=usage.cache_read_input_tokens),
    )
