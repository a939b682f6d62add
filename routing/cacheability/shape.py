"""Whether an answer has the shape that the app asked for, and the texts inside a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

_DEEPEST = 32
_LONGEST_NUMBER = 10**20

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool)
        and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
}


def is_asked_json(text: str, response_format: bytes) -> bool:
    """Whether `text` is JSON of the kind that `response_format` (JSON; may be empty) asks for.

    Of a JSON Schema, types, required members, constants and enumerations are checked; what else a
    schema may say is left to the app.
    """
    if not response_format:
        return True
    asked = msgspec.json.decode(response_format)
    kind = asked.get("type") if isinstance(asked, dict) else None
    if kind not in ("json_object", "json_schema"):
        return True
    try:
        value = msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    if kind == "json_object":
        return isinstance(value, dict)
    described = asked.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    return _fits(value, schema, depth=0)


def texts_in(*values: str | bytes) -> Iterator[str]:
    """Every text in `values`: texts, and messages as JSON bytes (may be empty).

    Texts that are JSON themselves, as the arguments of a tool call are, are looked into: their
    escapes would hide what they hold.
    """
    waiting: list[Any] = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values
    ]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            inner = _json_in(value)
            if inner is None:
                yield value
            else:
                waiting.append(inner)
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int) and abs(value) < _LONGEST_NUMBER:
            yield str(value)


def _json_in(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _fits(value: Any, schema: Any, *, depth: int) -> bool:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return True
    if not _is_of_type(value, schema.get("type")):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    allowed = schema.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        return False
    if isinstance(value, dict):
        return _members_fit(value, schema, depth=depth + 1)
    if isinstance(value, list):
        return all(_fits(item, schema.get("items"), depth=depth + 1) for item in value)
    return True


def _members_fit(value: dict[str, Any], schema: Mapping[str, Any], *, depth: int) -> bool:
    required = schema.get("required")
    if isinstance(required, list) and any(name not in value for name in required):
        return False
    known = schema.get("properties")
    known = known if isinstance(known, dict) else {}
    if schema.get("additionalProperties") is False and not value.keys() <= known.keys():
        return False
    return all(_fits(item, known.get(name), depth=depth) for name, item in value.items())


def _is_of_type(value: Any, kind: Any) -> bool:
    if isinstance(kind, list):
        return any(_is_of_type(value, one) for one in kind)
    check = _TYPES.get(kind) if isinstance(kind, str) else None
    return check is None or check(value)
