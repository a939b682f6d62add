"""The assistant's message: read whole, put together from a stream's deltas, and taken apart again.

Tool calls, refusals, citations and whatever else a message holds must come out of the cache as they
went in, so a message that is more than text is kept as JSON: the provider's own bytes, or what the
API would have sent whole instead of the deltas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any

import msgspec

from routing.cacheability import Said

_encode = msgspec.json.encode
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PIECE_CHARS = 24

_FAULTS = {"length": "truncated", "content_filter": "content_filter", "": "cut_off"}
_BODIES = {"function": "arguments", "custom": "input"}
"""The part of a tool call that holds its name, and the long text beside it, by the call's type."""


def read_message(message: bytes, *, finish_reason: str) -> Said:
    """What a whole message (JSON) says, and how it ended."""
    try:
        fields = _fields(message)
        values: dict[str, Any] = {
            name: msgspec.json.decode(fields[name])
            for name in ("role", "content", "refusal", "tool_calls", "function_call")
            if name in fields
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Said(fault="unknown_shape")
    if not _is_of_known_shape(values) or "audio" in fields:
        return Said(fault="unknown_shape")
    return _said(
        text=values.get("content", ""),
        message=b"" if fields.keys() <= {"role", "content"} else message,
        refusal=values.get("refusal", ""),
        calls=_calls_in(values),
        finish_reason=finish_reason,
    )


def finish_reason_of(message: bytes) -> str:
    """The finish reason a message (JSON, empty for text) came with."""
    if not message:
        return "stop"
    return _calls_in(_fields(message)) or "stop"


class MessageBuilder:
    """Puts the deltas of a stream together."""

    __slots__ = ("_annotations", "_calls", "_function", "_odd", "_role", "_strings", "_texts")

    def __init__(self) -> None:
        self._role = "assistant"
        self._texts: list[str] = []
        self._strings: dict[str, list[str]] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._function: dict[str, Any] = {}
        self._annotations: list[Any] = []
        self._odd = False

    def add(self, delta: Mapping[str, Any]) -> None:
        """Take the next delta."""
        for name, value in delta.items():
            if name == "content" and isinstance(value, str):
                self._texts.append(value)
            elif value is None or value == [] or value == "":
                continue
            elif name == "role":
                self._odd = self._odd or value != "assistant"
            elif isinstance(value, str):
                self._strings.setdefault(name, []).append(value)
            elif name == "tool_calls" and isinstance(value, list):
                for call in value:
                    self._add_call(call)
            elif name == "function_call" and isinstance(value, dict):
                self._merge(self._function, value, long="arguments")
            elif name == "annotations" and isinstance(value, list):
                self._annotations += value
            else:
                self._odd = True

    def said(self, *, finish_reason: str) -> Said:
        """What the deltas so far say together."""
        if self._odd:
            return Said(text="".join(self._texts), fault="unknown_shape")
        fields: dict[str, Any] = {}
        if self._calls:
            fields["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        if self._function:
            fields["function_call"] = self._function
        fields |= {name: "".join(pieces) for name, pieces in self._strings.items()}
        if self._annotations:
            fields["annotations"] = self._annotations
        text = "".join(self._texts)
        return _said(
            text=text,
            message=_whole(text if self._texts else None, fields) if fields else b"",
            refusal=fields.get("refusal", ""),
            calls=_calls_in(fields),
            finish_reason=finish_reason,
        )

    def _add_call(self, delta: Any) -> None:
        if not isinstance(delta, dict) or not isinstance(delta.get("index"), int):
            self._odd = True
            return
        call = self._calls.setdefault(delta["index"], {})
        for name, value in delta.items():
            if name == "index" or value is None:
                continue
            if name in _BODIES:
                self._merge(call.setdefault(name, {}), value, long=_BODIES[name])
            else:
                self._set(call, name, value)

    def _merge(self, body: dict[str, Any], delta: Any, *, long: str) -> None:
        if not isinstance(delta, dict) or not isinstance(delta.get(long, ""), (str, NoneType)):
            self._odd = True
            return
        for name, value in delta.items():
            if name == long and value is not None:
                body[name] = body.get(name, "") + value
            elif value is not None:
                self._set(body, name, value)

    def _set(self, fields: dict[str, Any], name: str, value: Any) -> None:
        """What is said twice must be the same: whether to join it, only the provider knows."""
        if name in fields and value not in (fields[name], ""):
            self._odd = True
        fields.setdefault(name, value)


def message_deltas(message: bytes) -> Iterator[bytes]:
    """The deltas (JSON) that, put together, give `message` (JSON)."""
    fields = _fields(message)
    fields.pop("role", None)
    content = msgspec.json.decode(fields.pop("content", b"null"))
    opening = None if content is None else ""
    yield _encode({"role": "assistant", "content": opening, "refusal": None})
    calls = fields.pop("tool_calls", None)
    function = fields.pop("function_call", None)
    refusal = fields.pop("refusal", None)
    for name, raw in fields.items():
        yield _encode({name: raw})
    for piece in _pieces(content or ""):
        yield _encode({"content": piece})
    for piece in _pieces(msgspec.json.decode(refusal) if refusal else ""):
        yield _encode({"refusal": piece})
    for index, call in enumerate(msgspec.json.decode(calls) if calls else ()):
        yield from _call_deltas(index, call)
    if function:
        for delta in _body_deltas(msgspec.json.decode(function), long="arguments"):
            yield _encode({"function_call": delta})


def _call_deltas(index: int, call: dict[str, Any]) -> Iterator[bytes]:
    part = next((name for name in _BODIES if isinstance(call.get(name), dict)), "")
    if not part:
        yield _encode({"tool_calls": [{"index": index, **call}]})
        return
    first, *others = _body_deltas(call[part], long=_BODIES[part])
    yield _encode({"tool_calls": [{"index": index, **call, part: first}]})
    for delta in others:
        yield _encode({"tool_calls": [{"index": index, part: delta}]})


def _body_deltas(body: dict[str, Any], *, long: str) -> Iterator[dict[str, Any]]:
    text = body.get(long)
    if not isinstance(text, str):
        yield body
        return
    yield {**body, long: ""}
    for piece in _pieces(text):
        yield {long: piece}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), _PIECE_CHARS):
        yield text[start : start + _PIECE_CHARS]


def _said(*, text: str, message: bytes, refusal: str, calls: str, finish_reason: str) -> Said:
    fault = ""
    if finish_reason != (calls or "stop"):
        fault = _FAULTS.get(finish_reason, "finish_reason")
    return Said(text=text, message=message, refusal=refusal, tool_calls=bool(calls), fault=fault)


def _whole(text: str | None, fields: dict[str, Any]) -> bytes:
    return _encode(
        {"role": "assistant", "content": text, "refusal": None, "annotations": [], **fields}
    )


def _fields(message: bytes) -> dict[str, msgspec.Raw]:
    """The members of `message` that say something."""
    return {name: raw for name, raw in _OBJECT.decode(message).items() if not _is_empty(bytes(raw))}


def _is_empty(raw: bytes) -> bool:
    return raw == b"null" or (raw[:1] == b"[" and raw[1:-1].isspace()) or raw == b"[]"


def _calls_in(fields: Mapping[str, Any]) -> str:
    return next((name for name in ("tool_calls", "function_call") if name in fields), "")


def _is_of_known_shape(values: Mapping[str, Any]) -> bool:
    calls = values.get("tool_calls", [])
    return (
        values.get("role", "assistant") == "assistant"
        and isinstance(values.get("content", ""), str)
        and isinstance(values.get("refusal", ""), str)
        and isinstance(calls, list)
        and all(isinstance(call, dict) for call in calls)
        and isinstance(values.get("function_call", {}), dict)
    )
