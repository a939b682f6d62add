from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.keys import (
    PartitionParts,
    base_name,
    context_digest,
    counted,
    entry_id,
    partition_name,
    partition_under,
)
from routing.snapshot import ContextRule, Conversation
from routing.types import Context

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


CONTEXT = Context(
    system_prompt=b'[{"content":"Be kind.","role":"system"}]',
    tools=b'{"tools":[]}',
    response_format=b'{"type":"json_object"}',
    attachments=b'[{"type":"image_url"}]',
    parameters=b'{"temperature":0}',
    turns=(b'{"content":"A"}', b'{"content":"B"}', b'{"content":"C"}'),
    other=b'{"name":"ana"}',
)
CHANGED = Context(
    system_prompt=b"1", tools=b"2", response_format=b"3", attachments=b"4", parameters=b"5",
    turns=(b"6", *CONTEXT.turns[1:]), other=b"7",
)  # fmt: skip
EVERYTHING = ContextRule()
SWITCHES = ["system_prompt", "tools", "response_format", "attachments", "parameters"]


def digest(rule: ContextRule = EVERYTHING, **parts: Any) -> str:
    return context_digest(counted(msgspec.structs.replace(CONTEXT, **parts), rule))


@pytest.mark.parametrize("part", Context.__struct_fields__)
def test_context_digest__any_part_differs__another_digest(part: str) -> None:
    assert digest(**{part: getattr(CHANGED, part)}) != digest()


@pytest.mark.parametrize("part", SWITCHES)
def test_context_digest__part_switched_off__no_longer_matters(part: str) -> None:
    rule = msgspec.structs.replace(EVERYTHING, **{part: False})

    assert digest(rule, **{part: getattr(CHANGED, part)}) == digest(rule)


@pytest.mark.parametrize("off", SWITCHES)
@pytest.mark.parametrize("part", Context.__struct_fields__)
def test_context_digest__part_switched_off__others_still_matter(off: str, part: str) -> None:
    rule = msgspec.structs.replace(EVERYTHING, **{off: False})

    assert (digest(rule, **{part: getattr(CHANGED, part)}) == digest(rule)) == (part == off)


@pytest.mark.parametrize(
    ("conversation", "turns", "same"),
    [
        (Conversation.NONE, (), True),
        (Conversation.NONE, (b"X",), True),
        (Conversation.FINGERPRINT, (b"X", *CONTEXT.turns[1:]), False),
        (Conversation.FINGERPRINT, CONTEXT.turns[1:], False),
        (Conversation.FINGERPRINT, CONTEXT.turns[::-1], False),
        (Conversation.LAST_TURNS, (b"X", *CONTEXT.turns[1:]), True),
        (Conversation.LAST_TURNS, CONTEXT.turns[1:], True),
        (Conversation.LAST_TURNS, (CONTEXT.turns[0], b"X", CONTEXT.turns[2]), False),
        (Conversation.LAST_TURNS, CONTEXT.turns[2:], False),
        (Conversation.LAST_TURNS, (), False),
    ],
)
def test_context_digest__earlier_turns__count_as_the_policy_says(
    conversation: Conversation, turns: tuple[bytes, ...], *, same: bool
) -> None:
    rule = ContextRule(conversation=conversation, last_turns=2)

    assert (digest(rule, turns=turns) == digest(rule)) == same


parts = st.binary(max_size=6)
contexts = st.builds(
    Context, system_prompt=parts, tools=parts, response_format=parts, attachments=parts,
    parameters=parts, turns=st.lists(parts, max_size=3).map(tuple), other=parts,
)  # fmt: skip


@given(contexts, contexts)
def test_context_digest__nothing_moves_between_parts__equal_only_if_equal(
    one: Context, other: Context
) -> None:
    same = context_digest(one) == context_digest(other)

    assert same == (one == other)


def test_context_digest__text_moved_to_the_next_part__another_digest() -> None:
    assert digest(system_prompt=b"1:a", tools=b"") != digest(system_prompt=b"", tools=b"1:a")
