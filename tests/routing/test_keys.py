from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.keys import (
    PartitionParts,
    base_name,
    entry_id,
    partition_name,
    partition_under,
)

PARTS = PartitionParts(
    tenant="uid-acme",
    policy="policy-default",
    protocol="chat",
    context="c0ffee",
    model_group="small",
    rests_on={"help-center": "3"},
    user=None,
    language="en",
    embedding_model="minilm@1",
)
OTHER: dict[str, Any] = {
    "tenant": "uid-globex",
    "policy": "policy-strict",
    "protocol": "cache_api",
    "context": "c0ffef",
    "model_group": "large",
    "rests_on": {"help-center": "4"},
    "user": "ana",
    "language": "es",
    "embedding_model": "minilm@2",
    "key_version": 3,
}


def test_partition_name__same_parts__golden_name() -> None:
    assert partition_name(PARTS) == "b61505c9a1babbdf8f1025d1430beade"


def test_partition_name__documents_in_other_order__same_name() -> None:
    one = msgspec.structs.replace(PARTS, rests_on={"a": "1", "b": "2"})
    other = msgspec.structs.replace(PARTS, rests_on={"b": "2", "a": "1"})

    assert partition_name(one) == partition_name(other)


@pytest.mark.parametrize("part", PartitionParts.__struct_fields__)
def test_partition_name__any_part_differs__another_name(part: str) -> None:
    assert partition_name(msgspec.structs.replace(PARTS, **{part: OTHER[part]})) != partition_name(
        PARTS
    )


def test_partition_under__other_model__partition_that_calls_find() -> None:
    other = msgspec.structs.replace(PARTS, embedding_model="e5@9")

    assert partition_under(base_name(PARTS), "e5@9") == partition_name(other)


names = st.text(max_size=12)


@given(
    st.tuples(names, names, st.none() | names),
    st.tuples(names, names, st.none() | names),
)
def test_partition_name__tenant_context_or_user_differ__never_shared(
    one: tuple[str, str, str | None], other: tuple[str, str, str | None]
) -> None:
    first, second = (
        msgspec.structs.replace(PARTS, tenant=tenant, context=context, user=user)
        for tenant, context, user in (one, other)
    )

    assert (partition_name(first) == partition_name(second)) == (one == other)


def test_entry_id__spacing_differs__same_place() -> None:
    assert entry_id("where is my order?") == entry_id(" where  is my order? ")


def test_entry_id__text_differs__another_place() -> None:
    assert entry_id("cancel order 12") != entry_id("cancel order 13")
