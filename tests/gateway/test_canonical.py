from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.canonical import canonical_json

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(-1e12, 1e12)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
)
keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)


def shuffled(value: Any) -> Any:
    """The same value with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def test_canonical_json__mixed__one_form() -> None:
    value = {"b": [1.0, 2.5, None], "a": {"z": True, "é": "ü"}}

    assert canonical_json(value) == '{"a":{"z":true,"é":"ü"},"b":[1,2.5,null]}'.encode()


@given(values)
def test_canonical_json__key_order_differs__same_bytes(value: Any) -> None:
    assert canonical_json(value) == canonical_json(shuffled(value))


@given(values)
def test_canonical_json__any_value__read_back_unchanged(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


def test_canonical_json__text_that_looks_like_a_float__unchanged() -> None:
    assert canonical_json("1.0 and null") == b'"1.0 and null"'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_canonical_json__no_number__refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a number JSON can carry"):
        canonical_json({"a": [value]})
