"""Turning the bytes an app sent into JSON values, refusing what cannot be handled safely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from routing.errors import CallError

_DECODER = msgspec.json.Decoder()
_BRACKETS_ONLY = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """How deep a body may nest, and how many values (objects, lists, members, items) it may hold.

    The time a body takes grows with its values far more than with its length.
    """

    depth: int
    nodes: int


def bad_request(message: str, *, param: str | None, code: str = "invalid_value") -> CallError:
    """A 400 that names the offending field."""
    return CallError(message, status=400, code=code, param=param)


def decode_object(body: bytes, *, limits: JsonLimits) -> dict[str, Any]:
    """The JSON object in `body`.

    Raises CallError (400) when it is malformed, not an object, beyond `limits`, or holds the NUL
    character, which the stores behind the cache do not take.
    """
    if _more_nodes(body, limits.nodes):
        raise bad_request(
            f"The body holds more than {limits.nodes} JSON values; send fewer, or raise "
            "MAX_JSON_NODES.",
            param=None,
            code="json_too_many_nodes",
        )
    try:
        value = _DECODER.decode(body)
    except RecursionError:
        raise _too_deep(limits.depth) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise bad_request(
            f"The body is not valid JSON: {error}. Send one UTF-8 JSON object.",
            param=None,
            code="invalid_json",
        ) from None
    if not isinstance(value, dict):
        raise bad_request("The body must be a JSON object.", param=None, code="invalid_json")
    if _nested_deeper(body, limits.depth):
        raise _too_deep(limits.depth)
    if b"\\u0000" in body and b"\\u0000" in body.replace(b"\\\\", b""):
        raise bad_request(
            "The body holds the character U+0000; remove it.", param=None, code="invalid_character"
        )
    return value


def _too_deep(max_depth: int) -> CallError:
    return bad_request(
        f"The body is nested deeper than {max_depth} levels; flatten it.",
        param=None,
        code="json_too_deep",
    )


def _more_nodes(body: bytes, limit: int) -> bool:
    """Whether `body` holds more than `limit` values, in time linear in its length."""
    if _count_nodes(body) <= limit:
        return False
    unescaped = _unescaped(body)
    # A value has two strings at most, itself and its name. So many cannot be allowed, and to look
    # between them would take long.
    if unescaped.count(b'"') > 4 * limit + 4:
        return True
    return _count_nodes(_outside_strings(unescaped)) > limit


def _count_nodes(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _nested_deeper(body: bytes, limit: int) -> bool:
    """Whether valid JSON `body` nests deeper than `limit`, in time linear in its length."""
    if body.count(b"{") + body.count(b"[") <= limit:
        return False
    outside_strings = _outside_strings(_unescaped(body))
    brackets = outside_strings.translate(_BRACKETS_ONLY, _NOT_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _unescaped(body: bytes) -> bytes:
    """`body` without what could hide the quotes that begin and end its strings."""
    return body.replace(b"\\\\", b"").replace(b'\\"', b"")


def _outside_strings(unescaped: bytes) -> bytes:
    return b"".join(unescaped.split(b'"')[::2])
