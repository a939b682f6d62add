"""Reading an OpenAI chat completion request: what is asked, and what shapes the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from routing.gateway.context import read_context, split_content
from routing.gateway.controls import read_controls, read_user
from routing.gateway.json_body import JsonLimits, bad_request, decode_object
from routing.types import Call

MAX_MODEL_CHARS = 200
MAX_QUERY_CHARS = 500_000
"""A longer text would hold up every other call for tens of milliseconds while it is normalised."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A parsed request. `body` is the decoded object as sent, for the provider."""

    call: Call
    body: dict[str, Any]
    stream: bool
    include_usage: bool


def parse_chat_request(
    body: bytes, *, tenant: str, cache_headers: Mapping[bytes, bytes], limits: JsonLimits
) -> ChatRequest:
    """The call in `body`.

    `cache_headers` are the ``x-cache-*`` headers. Raises CallError (400) naming the field at fault.
    """
    request = decode_object(body, limits=limits)
    messages = _messages(request)
    last = messages[-1]
    query, attachments = split_content(last)
    bypass_reason = _bypass_reason(request, last=last, query=query)
    call = Call(
        tenant=tenant,
        protocol="chat",
        model=read_model(request.get("model")),
        query=query,
        context=read_context(request, earlier=messages[:-1], last=last, attachments=attachments),
        controls=read_controls(
            _object(request, "cache"),
            headers=cache_headers,
            default_user=read_user(request.get("user") or "", "user"),
        ),
        bypass_reason=bypass_reason,
        plain_text=not (bypass_reason or attachments) and _wants_text(request),
    )
    stream, include_usage = _stream_options(request)
    return ChatRequest(call=call, body=request, stream=stream, include_usage=include_usage)


def read_model(model: object) -> str:
    """The name of a model; raises CallError (400)."""
    if not isinstance(model, str) or not model or len(model) > MAX_MODEL_CHARS:
        raise bad_request(
            f"model must be the name of a model (1 to {MAX_MODEL_CHARS} characters).", param="model"
        )
    if not model.isprintable():
        raise bad_request("model holds a control character; remove it.", param="model")
    return model


def provider_body(request: ChatRequest, *, target_model: str) -> bytes:
    """The body to forward: as sent, without ``cache``, for `target_model`.

    Streams always ask for usage, because the ledger needs the provider's own count.
    """
    body = {**request.body, "model": target_model}
    body.pop("cache", None)
    if request.stream:
        options = body.get("stream_options") or {}
        body["stream_options"] = {**options, "include_usage": True}
    return msgspec.json.encode(body)


def _messages(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad_request("messages must be a non-empty list.", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise bad_request("A message must be an object.", param=f"messages[{index}]")
        if not isinstance(message.get("role"), str):
            raise bad_request(
                "A message needs a role: system, developer, user, assistant or tool.",
                param=f"messages[{index}].role",
            )
    return messages


def _object(request: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = request.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"{field} must be an object.", param=field, code="invalid_type")
    return value


def _stream_options(request: Mapping[str, Any]) -> tuple[bool, bool]:
    stream = request.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise bad_request("stream must be true or false.", param="stream", code="invalid_type")
    include_usage = _object(request, "stream_options").get("include_usage")
    if include_usage is not None and not isinstance(include_usage, bool):
        raise bad_request(
            "stream_options.include_usage must be true or false.",
            param="stream_options.include_usage",
            code="invalid_type",
        )
    return bool(stream), bool(include_usage)


def _wants_text(request: Mapping[str, Any]) -> bool:
    response_format = request.get("response_format")
    return response_format is None or (
        isinstance(response_format, dict) and response_format.get("type") == "text"
    )


def _bypass_reason(request: Mapping[str, Any], *, last: Mapping[str, Any], query: str) -> str:
    """Why a cache cannot answer this call at all, as a stable word; empty when it can."""
    if request.get("n") not in (None, 1):
        return "several_choices"
    if request.get("logprobs") or request.get("top_logprobs"):
        return "logprobs"
    if request.get("audio") is not None or request.get("modalities") not in (None, ["text"]):
        return "audio"
    if request.get("tool_choice") not in (None, "auto", "none"):
        return "forced_tool"
    if request.get("function_call") not in (None, "auto", "none"):
        return "forced_tool"
    if request.get("web_search_options") is not None:
        return "web_search"
    if last["role"] != "user":
        return "last_message_not_user"
    return query_bypass(query)


def query_bypass(query: str) -> str:
    """Why no cache can be asked for `query`; empty when it can."""
    if len(query) > MAX_QUERY_CHARS:
        return "query_too_long"
    return "" if query.strip() else "empty_query"
