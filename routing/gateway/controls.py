"""What an app may ask of the cache for one call: body field ``cache`` or ``x-cache-*`` headers.

The body wins where both speak.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from routing.errors import CallError
from routing.gateway.json_body import bad_request
from routing.types import Controls

HEADER_PREFIX = b"x-cache-"
MAX_USER_CHARS = 256
MAX_LABEL_CHARS = 128
MAX_LABELS = 32
_MAX_TTL_SECONDS = 10 * 365 * 86_400

_NO_CONTROLS = Controls()
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
_LANGUAGE = re.compile("[a-z]{2}")
_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"0", "false", "no", ""})


def read_controls(
    body: Mapping[str, Any], *, headers: Mapping[bytes, bytes], default_user: str = ""
) -> Controls:
    """The controls in `body` (the ``cache`` object) over those in `headers`.

    `headers` holds only the ``x-cache-*`` ones. Raises CallError (400) that names the field for an
    unknown field or a wrong value.
    """
    if not body and not headers:
        return Controls(user=default_user) if default_user else _NO_CONTROLS
    values: dict[str, Any] = {"user": default_user}
    for name, raw in headers.items():
        read_header = _HEADER_READERS.get(name)
        if read_header is None:
            raise _unknown("header", name.decode("latin-1"), known=_HEADER_NAMES)
        field, read = read_header
        values[field] = read(_header_text(name, raw), name.decode("latin-1"))
    for field, value in body.items():
        read_field = _FIELD_READERS.get(field)
        if read_field is None:
            raise _unknown("field", f"cache.{field}", known=_FIELD_NAMES)
        if value is not None:
            values[field] = read_field(value, f"cache.{field}")
    return Controls(**values)


def read_user(value: object, param: str) -> str:
    """An app's name for one of its users; raises CallError (400)."""
    return _text(value, param, limit=MAX_USER_CHARS)


def read_label(value: object, param: str) -> str:
    """A short name (policy, endpoint, tag, document); raises CallError (400)."""
    return _text(value, param, limit=MAX_LABEL_CHARS)


def read_labels(value: object, param: str) -> tuple[str, ...]:
    """A list of short names, without repetitions; raises CallError (400)."""
    if not isinstance(value, (list, tuple)):
        raise bad_request(f"{param} must be a list of strings.", param=param, code="invalid_type")
    if len(value) > MAX_LABELS:
        raise bad_request(f"{param} holds more than {MAX_LABELS} items.", param=param)
    labels = [read_label(item, param) for item in value]
    return tuple(dict.fromkeys(label for label in labels if label))


def read_language(value: object, param: str) -> str:
    """A language as two lower-case letters; raises CallError (400)."""
    text = _text(value, param, limit=2)
    if text and not _LANGUAGE.fullmatch(text):
        raise bad_request(f"{param} must be two lower-case letters, such as en.", param=param)
    return text


def read_flag(value: object, param: str) -> bool:
    """True or false; raises CallError (400)."""
    if not isinstance(value, bool):
        raise bad_request(f"{param} must be true or false.", param=param, code="invalid_type")
    return value


def read_similarity(value: object, param: str) -> float:
    """A similarity between 0 and 1; raises CallError (400)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise bad_request(f"{param} must be a number.", param=param, code="invalid_type")
    if not 0 <= value <= 1:
        raise bad_request(f"{param} must lie between 0 and 1.", param=param)
    return float(value)


def read_ttl_seconds(value: object, param: str) -> int:
    """A lifetime in whole seconds, at least 1; raises CallError (400)."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_request(f"{param} must be a whole number.", param=param, code="invalid_type")
    if not 1 <= value <= _MAX_TTL_SECONDS:
        raise bad_request(f"{param} must lie between 1 and {_MAX_TTL_SECONDS}.", param=param)
    return value


def _text(value: object, param: str, *, limit: int) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{param} must be a string.", param=param, code="invalid_type")
    if len(value) > limit:
        raise bad_request(f"{param} is longer than {limit} characters.", param=param)
    if _CONTROL_CHARACTERS.search(value):
        raise bad_request(f"{param} holds a control character; remove it.", param=param)
    return value


def _header_text(name: bytes, raw: bytes) -> str:
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        param = name.decode("latin-1")
        raise bad_request(f"{param} is not UTF-8.", param=param, code="invalid_header") from None


def _header_flag(text: str, param: str) -> bool:
    lowered = text.lower()
    if lowered not in _TRUE and lowered not in _FALSE:
        raise bad_request(f"{param} must be 1 or 0.", param=param)
    return lowered in _TRUE


def _header_number(text: str, param: str) -> float:
    try:
        return read_similarity(float(text), param)
    except ValueError:
        raise bad_request(f"{param} must be a number.", param=param) from None


def _header_seconds(text: str, param: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise bad_request(f"{param} must be a whole number of seconds.", param=param)
    return read_ttl_seconds(int(text), param)


def _header_labels(text: str, param: str) -> tuple[str, ...]:
    return read_labels([item.strip() for item in text.split(",")], param)


_FIELD_READERS: dict[str, Callable[[Any, str], object]] = {
    "policy": read_label,
    "bypass": read_flag,
    "no_store": read_flag,
    "ttl_seconds": read_ttl_seconds,
    "min_similarity": read_similarity,
    "user": read_user,
    "tags": read_labels,
    "documents": read_labels,
    "endpoint": read_label,
    "explain": read_flag,
    "answer_id": read_label,
    "language": read_language,
}
_HEADER_READERS: dict[bytes, tuple[str, Callable[[str, str], object]]] = {
    b"x-cache-policy": ("policy", read_label),
    b"x-cache-bypass": ("bypass", _header_flag),
    b"x-cache-no-store": ("no_store", _header_flag),
    b"x-cache-ttl-seconds": ("ttl_seconds", _header_seconds),
    b"x-cache-min-similarity": ("min_similarity", _header_number),
    b"x-cache-user": ("user", read_user),
    b"x-cache-tags": ("tags", _header_labels),
    b"x-cache-documents": ("documents", _header_labels),
    b"x-cache-endpoint": ("endpoint", read_label),
    b"x-cache-explain": ("explain", _header_flag),
    b"x-cache-answer-id": ("answer_id", read_label),
    b"x-cache-language": ("language", read_language),
}
_FIELD_NAMES = ", ".join(_FIELD_READERS)
_HEADER_NAMES = ", ".join(name.decode() for name in _HEADER_READERS)


def _unknown(kind: str, name: str, *, known: str) -> CallError:
    return bad_request(
        f"Unknown {kind} {name!r}; known are {known}.", param=name, code=f"unknown_{kind}"
    )
