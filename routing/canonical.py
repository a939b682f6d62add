"""Canonical JSON: equal values give equal bytes, so that they may be hashed into a key."""

from __future__ import annotations

import math
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")
_EXACT_INTEGERS = 1e15


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON of `value` with sorted keys, no spaces, and whole floats written as integers.

    Raises ValueError for NaN and infinities, which JSON cannot carry.
    """
    body = _ENCODER.encode(value)
    # Only text that shows ".0" or "null" can hide a whole float or a number that is none; every
    # other value is already in its one form and need not be walked.
    if b".0" in body or b"null" in body:
        return _ENCODER.encode(_normalised(value))
    return body


def _normalised(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a number JSON can carry")
        whole = value.is_integer() and abs(value) < _EXACT_INTEGERS
        return int(value) if whole else value
    if isinstance(value, dict):
        return {key: _normalised(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_normalised(item) for item in value]
    return value
