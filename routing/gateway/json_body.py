"""Turning the bytes an app sent into JSON values, refusing what cannot be handled safely."""

from __future__ import annotations

from typing import Any

import msgspec

from routing.errors import CallError

_DECODER = msgspec.json.Decoder()
_BRACKETS_ONLY = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def bad_request(message: str, *, param: str | None, code: str = "invalid_value") -> CallError:
    """A 400 that names the offending field."""
    return CallError(message, status=400, code=code, param=param)


def decode_object(body: bytes, *, max_depth: int) -> dict[str, Any]:
    """The JSON object in `body`.

    Raises CallError (400) when it is malformed, not an object, nested deeper than `max_depth`, or
    holds the NUL character, which the stores behind the cache do not take.
    """
    try:
        value = _DECODER.decode(body)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise bad_request(
            f"The body is not valid JSON: {error}. Send one UTF-8 JSON object.",
            param=None,
            code="invalid_json",
        ) from None
    if not isinstance(value, dict):
        raise bad_request("The body must be a JSON object.", param=None, code="invalid_json")
    if _nested_deeper(body, max_depth):
        raise _too_deep(max_depth)
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


def _nested_deeper(body: bytes, limit: int) -> bool:
    """Whether valid JSON `body` nests deeper than `limit`, in time linear in its length."""
    if body.count(b"{") + body.count(b"[") <= limit:
        return False
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    brackets = outside_strings.translate(_BRACKETS_ONLY, _NOT_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
