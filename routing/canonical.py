"""Canonical JSON: equal values give equal bytes, so that they may be hashed into a key."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")
_EXACT_INTEGERS = 1e15
_TO_NORMALISE = re.compile(rb"(?:\.0|null)(?:[,\]}]|\Z)")


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON of `value` with sorted keys, no spaces, and whole floats written as integers.

    Raises ValueError for NaN and infinities, which JSON cannot carry.
    """
    body = _ENCODER.encode(value)
    # Only a value that ends in ".0" or is "null" can be a whole float or a number that is none;
    # every other one is already in its one form and need not be walked.
    if _TO_NORMALISE.search(body):
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
