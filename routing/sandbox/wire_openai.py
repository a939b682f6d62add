"""OpenAI's chat completions as they go over the wire: what is read, what is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from routing.sandbox.answers import compose_answer
from routing.sandbox.meter import TokenCount
from routing.sandbox.tokens import split_tokens


class BadRequest(Exception):
    """The request is not one the API takes. Answered 400."""


class Part(Struct):
    """One part of a message's content. Only text is rendered in full."""

    type: str
    text: str = ""


class Message(Struct):
    """One message of the conversation."""

    role: str
    content: str | list[Part] | None = None
    name: str = ""
    tool_calls: list[Any] | None = None
    tool_call_id: str = ""

    def text(self) -> str:
        """The text parts, joined by newlines; other parts stand as ``[type]``."""
        if isinstance(self.content, list):
            return "\n".join(
                part.text if part.type == "text" else f"[{part.type}]" for part in self.content
            )
        return self.content or ""


class StreamOptions(Struct):
    """`include_usage`: end the stream with a chunk that carries the usage."""

    include_usage: bool = False


class ResponseFormat(Struct):
    """The shape asked of the answer."""

    type: str = "text"
    json_schema: Any = None


class ChatRequest(Struct):
    """The fields of a chat completion request that change what the sandbox does."""

    model: str
    messages: Annotated[list[Message], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    response_format: ResponseFormat | None = None
    prompt_cache_key: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer, split into tokens, and why it ends."""

    tokens: tuple[str, ...]
    finish_reason: str
    tool_name: str = ""


def decode_request(body: bytes) -> ChatRequest:
    """The request in `body`. Raises BadRequest saying what is wrong with it."""
    try:
        return msgspec.json.decode(body, type=ChatRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(str(error)) from error


def render_prompt(request: ChatRequest) -> str:
    """Everything the model reads, static parts first, as the API puts it."""
    pieces = []
    if request.tools:
        pieces.append(f"<|tools|>\n{_json(request.tools)}\n")
    if request.response_format is not None and request.response_format.json_schema is not None:
        pieces.append(f"<|format|>\n{_json(request.response_format.json_schema)}\n")
    for message in request.messages:
        calls = _json(message.tool_calls) if message.tool_calls else ""
        pieces.append(f"<|{message.role}|>{message.name}\n{message.text()}{calls}\n")
    pieces.append("<|assistant|>\n")
    return "".join(pieces)


def answer_request(request: ChatRequest) -> list[Choice]:
    """The answers to the last user message, one for each of `n`."""
    question = next((m.text() for m in reversed(request.messages) if m.role == "user"), "")
    limit = request.max_completion_tokens or request.max_tokens
    return [_choice(request, question, variant, limit) for variant in range(request.n or 1)]


def usage_body(tokens: TokenCount, *, reports_writes: bool) -> dict[str, Any]:
    """The `usage` object; its `prompt_tokens` include what was read and written."""
    prompt = tokens.input_tokens + tokens.cache_read_tokens + tokens.cache_write_tokens
    details = {"cached_tokens": tokens.cache_read_tokens, "audio_tokens": 0}
    if reports_writes:
        details["cache_write_tokens"] = tokens.cache_write_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens.output_tokens,
        "total_tokens": prompt + tokens.output_tokens,
        "prompt_tokens_details": details,
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion_body(
    choices: list[Choice], *, call_id: str, created: int, model: str, usage: dict[str, Any]
) -> bytes:
    """A whole chat completion. `created` in epoch seconds."""
    return msgspec.json.encode(
        {
            "id": call_id,
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [
                {
                    "index": index,
                    "message": {
                        **_whole_message(choice),
                        "refusal": None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": choice.finish_reason,
                }
                for index, choice in enumerate(choices)
            ],
            "usage": usage,
            "service_tier": "default",
            "system_fingerprint": "fp_sandbox",
        }
    )


class ChunkWriter:
    """Writes the server-sent events of one streamed completion."""

    def __init__(self, *, call_id: str, created: int, model: str, with_usage: bool) -> None:
        self._with_usage = with_usage
        self._head = {
            "id": call_id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "service_tier": "default",
            "system_fingerprint": "fp_sandbox",
        }

    def opening(self, index: int, choice: Choice) -> bytes:
        """The chunk that names the role and, for a tool call, the function."""
        delta: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None}
        if choice.tool_name:
            call = _tool_call(choice.tool_name, arguments="")
            delta = {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **call}]}
        return self._choice_event(index, delta)

    def token(self, index: int, choice: Choice, text: str) -> bytes:
        """One more token of the answer."""
        if choice.tool_name:
            delta = {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
            return self._choice_event(index, delta)
        return self._choice_event(index, {"content": text})

    def closing(self, index: int, choice: Choice) -> bytes:
        """The chunk that says why the answer ends."""
        return self._choice_event(index, {}, finish_reason=choice.finish_reason)

    def end(self, usage: dict[str, Any]) -> bytes:
        """The usage, when asked for, and the end mark."""
        done = b"data: [DONE]\n\n"
        return self._event([], usage) + done if self._with_usage else done

    def _choice_event(
        self, index: int, delta: dict[str, Any], *, finish_reason: str | None = None
    ) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return self._event([choice], None)

    def _event(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> bytes:
        body = {**self._head, "choices": choices}
        if self._with_usage:
            body["usage"] = usage
        return b"data: " + msgspec.json.encode(body) + b"\n\n"


def error_body(message: str, *, kind: str, code: str | None, param: str | None = None) -> bytes:
    """An error in OpenAI's shape."""
    return msgspec.json.encode(
        {"error": {"message": message, "type": kind, "param": param, "code": code}}
    )


def _choice(request: ChatRequest, question: str, variant: int, limit: int | None) -> Choice:
    tool_name = _forced_tool(request)
    text = compose_answer(question, model=request.model, variant=variant)
    if tool_name:
        text = _json({"query": question})
    elif request.response_format is not None and request.response_format.type != "text":
        text = _json({"answer": text})
    tokens = split_tokens(text)
    if limit is not None and len(tokens) > limit:
        return Choice(tokens=tuple(tokens[:limit]), finish_reason="length", tool_name=tool_name)
    finish_reason = "tool_calls" if tool_name else "stop"
    return Choice(tokens=tuple(tokens), finish_reason=finish_reason, tool_name=tool_name)


def _forced_tool(request: ChatRequest) -> str:
    """The function the request insists on; empty when the model is free to answer in text."""
    names = [_function_name(tool) for tool in request.tools or []]
    if request.tool_choice == "required" and names:
        return names[0]
    return _function_name(request.tool_choice)


def _function_name(value: Any) -> str:
    function = value.get("function") if isinstance(value, dict) else None
    return str(function.get("name", "")) if isinstance(function, dict) else ""


def _whole_message(choice: Choice) -> dict[str, Any]:
    text = "".join(choice.tokens)
    if choice.tool_name:
        call = _tool_call(choice.tool_name, arguments=text)
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"role": "assistant", "content": text}


def _tool_call(name: str, *, arguments: str) -> dict[str, Any]:
    return {
        "id": "call_sandbox",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
