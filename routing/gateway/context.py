"""What shapes the answer to a chat call besides its question, in one form for equal requests.

Left out is what does not reach the model (cache marks) and what says nothing (nulls, values that
are the API's own defaults). Long data of images, sounds and files stands as its SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from routing.canonical import canonical_json
from routing.gateway.json_body import bad_request
from routing.types import Context

_LONGEST_DATA = 64
"""Characters. Shorter than a digest with its name, so that no data can pass for a digest."""

_PLAIN_FIELDS = len(("type", "text"))
_PLAIN_MESSAGE_FIELDS = len(("role", "content"))
_MARKS = frozenset({"cache_control", "prompt_cache_breakpoint"})
_INSTRUCTING_ROLES = frozenset({"system", "developer"})
_TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call")

# What a policy may leave out as mere parameters. A field that is not known here may say anything (a
# grammar, documents to answer from), so it always counts.
_PARAMETERS = frozenset(
    {
        "audio", "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens",
        "max_tokens", "modalities", "n", "presence_penalty", "reasoning_effort", "seed", "stop",
        "temperature", "top_logprobs", "top_p", "verbosity",
    }
)  # fmt: skip

# They address, bill or trace the call; the text of the answer does not depend on them.
_NOT_CONTEXT = frozenset(
    {
        "cache", "messages", "metadata", "model", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "safety_identifier", "service_tier", "store", "stream",
        "stream_options", "user",
    }
)  # fmt: skip
_DEFAULTS: Mapping[str, Any] = {
    "temperature": 1,
    "top_p": 1,
    "n": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logprobs": False,
    "modalities": ["text"],
    "parallel_tool_calls": True,
    "response_format": {"type": "text"},
    "tool_choice": "auto",
    "function_call": "auto",
    "logit_bias": {},
    "tools": [],
    "functions": [],
    "stop": [],
    "verbosity": "medium",
}
_MESSAGE_DEFAULTS: Mapping[str, Any] = {"tool_calls": [], "annotations": []}
_PART_DEFAULTS: Mapping[str, Any] = {"detail": "auto"}
_STRICT_DEFAULTS: Mapping[str, Any] = {"strict": False}
_NO_DEFAULTS: Mapping[str, Any] = {}


def read_context(
    request: Mapping[str, Any],
    *,
    earlier: list[dict[str, Any]],
    last: Mapping[str, Any],
    attachments: list[Any],
) -> Context:
    """All that shapes the answer, except the model and the question in the `last` message."""
    fields = {
        name: value
        for name, value in request.items()
        if name not in _NOT_CONTEXT and not _is_default(value, _DEFAULTS.get(name))
    }
    tools = _tools({name: fields.pop(name) for name in _TOOL_FIELDS if name in fields})
    response_format = _response_format(fields.pop("response_format", None))
    parameters = {name: fields.pop(name) for name in sorted(fields.keys() & _PARAMETERS)}
    if isinstance(stop := parameters.get("stop"), str):
        parameters["stop"] = [stop]
    instructions, turns = _instructions_and_turns(earlier)
    return Context(
        system_prompt=_canonical(instructions),
        tools=_canonical(tools),
        response_format=_canonical(response_format),
        attachments=_canonical(attachments),
        parameters=_canonical(parameters),
        turns=tuple(canonical_json(turn) for turn in turns),
        other=_canonical(_other(last, attachments, unknown=fields)),
    )


def split_content(message: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """What a message asks, and the parts it stands among; these are empty when all is plain text.

    Texts alone are joined by newlines. Among attachments the last text asks and the others, which
    say what each attachment is, keep their places: exchanged, they would ask something else.
    Raises CallError (400).
    """
    content = message.get("content")
    if content is None:
        return "", []
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        raise bad_request(
            "content must be a string or a list of parts.", param="messages", code="invalid_type"
        )
    parts = [_checked_part(part) for part in content]
    if all(_is_plain(part) for part in parts):
        return "\n".join(part["text"] for part in parts), []
    for part in reversed(parts):
        if part["type"] == "text":
            return part.pop("text"), parts
    return "", parts


def _other(last: Mapping[str, Any], attachments: list[Any], *, unknown: dict[str, Any]) -> Any:
    """What else shapes the answer: members of the last message, texts among its attachments, which
    are part of what is asked, and fields of the request that are `unknown` here."""
    rest = _tidy(last, _MESSAGE_DEFAULTS)
    members = {key: rest[key] for key in rest if key not in ("role", "content")}
    texts = [part["text"] for part in attachments if part["type"] == "text" and "text" in part]
    further: dict[str, Any] = {"texts": texts} if texts else {}
    if unknown:
        further["fields"] = unknown
    return [members, further] if further else members


def _checked_part(part: object) -> dict[str, Any]:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise bad_request("A content part needs a type, such as text.", param="messages")
    if part["type"] == "text" and not isinstance(part.get("text"), str):
        raise bad_request("A text part needs a text.", param="messages", code="invalid_type")
    return _part(part)


def _instructions_and_turns(messages: Iterable[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """What the system says, and the turns; the place of an instruction belongs to the turns.

    A turn that instructions follow stands with their number, so that a policy that counts no turns
    does not count how many there were either.
    """
    instructions: list[Any] = []
    turns: list[Any] = []
    followed_by: list[int] = []
    for message in messages:
        if message["role"] not in _INSTRUCTING_ROLES:
            turns.append(_message(message))
            followed_by.append(0)
            continue
        instructions.append(_message(message))
        if turns:
            followed_by[-1] += 1
    placed = zip(turns, followed_by, strict=True)
    return instructions, [[turn, count] if count else turn for turn, count in placed]


def _message(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, str) and len(message) == _PLAIN_MESSAGE_FIELDS:
        return message
    tidy = _tidy(message, _MESSAGE_DEFAULTS)
    if isinstance(content, list):
        parts = [_part(part) if isinstance(part, dict) else part for part in content]
        alone = len(parts) == 1 and _is_plain(parts[0])
        tidy["content"] = parts[0]["text"] if alone else parts
    return tidy


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of the content, with its long data digested."""
    return {
        name: _digested(value) if name != "text" else value
        for name, value in _tidy(part, _NO_DEFAULTS).items()
    }


def _is_plain(part: Any) -> bool:
    return (
        isinstance(part, dict)
        and len(part) == _PLAIN_FIELDS
        and part.get("type") == "text"
        and isinstance(part.get("text"), str)
    )


def _digested(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_DATA:
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    if isinstance(value, dict):
        return {
            name: _digested(item) if isinstance(item, str) else item
            for name, item in _tidy(value, _PART_DEFAULTS).items()
        }
    return value


def _tools(fields: dict[str, Any]) -> dict[str, Any]:
    """`fields`, which say what the model may call; a choice among none is no choice."""
    if isinstance(tools := fields.get("tools"), list):
        fields["tools"] = [_tool(tool) for tool in tools]
    elif fields.get("tool_choice") == "none":
        del fields["tool_choice"]
    if "functions" not in fields and fields.get("function_call") == "none":
        del fields["function_call"]
    return fields


def _tool(tool: Any) -> Any:
    return _tidy_inside(tool, "function")


def _response_format(value: Any) -> Any:
    return _tidy_inside(value, "json_schema")


def _tidy_inside(value: Any, name: str) -> Any:
    """`value` and its member `name` tidied; the schema inside belongs to the app."""
    if not isinstance(value, dict):
        return value
    tidy = _tidy(value, _NO_DEFAULTS)
    if isinstance(inner := tidy.get(name), dict):
        tidy[name] = _tidy(inner, _STRICT_DEFAULTS)
    return tidy


def _tidy(value: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The members of `value` that say something; what they hold is left as it is."""
    return {
        name: item
        for name, item in value.items()
        if name not in _MARKS and not _is_default(item, defaults.get(name))
    }


def _is_default(value: object, default: object) -> bool:
    # In Python True equals 1 and False 0; in JSON they do not.
    return value is None or (
        value == default and isinstance(value, bool) == isinstance(default, bool)
    )


def _canonical(part: object) -> bytes:
    return canonical_json(part) if part else b""
