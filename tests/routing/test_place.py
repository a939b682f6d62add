from __future__ import annotations

from typing import Any

import pytest

from routing.active import activate
from routing.layers.place import Place, find_place
from routing.snapshot import (
    ContentClass,
    ContextRule,
    Conversation,
    Scope,
    StoreRule,
    Volatile,
)
from routing.types import Call, Context
from tests.routing.builders import call, policy, snapshot, tenant

ROUTED = StoreRule(volatile=Volatile.ROUTE)
POLICIES = (
    policy("default", store=ROUTED),
    policy("live", content_class=ContentClass.REAL_TIME, priority=-1),
    policy("own", content_class=ContentClass.USER_SPECIFIC, scope=Scope.USER, priority=-2),
)


def place_of(asked: Call, *policies: Any) -> Place | str:
    acme = tenant("acme", policies=policies or POLICIES)
    active = activate(snapshot(acme)).tenants["uid-acme"]
    return find_place(asked, active, embedding_model="minilm@1")


def policy_of(place: Place | str) -> str:
    assert isinstance(place, Place)
    return place.policy.name


def test_place__question_about_now__policy_for_what_changes_fast() -> None:
    assert policy_of(place_of(call("What is the weather in Madrid right now?"))) == "live"


def test_place__question_about_ones_own_state__policy_of_that_user() -> None:
    assert policy_of(place_of(call("What is my balance?", user="ana"))) == "own"


def test_place__ones_own_state_without_a_user__not_cached() -> None:
    assert place_of(call("What is my balance?")) == "volatile"


def test_place__how_to_question_with_my__stays_where_it_was() -> None:
    assert policy_of(place_of(call("How do I cancel my order?"))) == "default"


@pytest.mark.parametrize(
    ("choice", "expected"), [(Volatile.REFUSE, "volatile"), (Volatile.IGNORE, "default")]
)
def test_place__volatile_question__as_the_policy_says(choice: Volatile, expected: str) -> None:
    place = place_of(call("What is my balance?"), policy(store=StoreRule(volatile=choice)))

    assert (place if isinstance(place, str) else place.policy.name) == expected


def test_place__language_of_the_question__apart() -> None:
    english = place_of(call("How do I cancel my order?"))
    spanish = place_of(call("How do I cancel my order?", language="es"))

    assert isinstance(english, Place)
    assert isinstance(spanish, Place)
    assert english.partition != spanish.partition


def partition_after(turn: bytes, query: str) -> str:
    """Where `query` lies after `turn`, in a policy that ignores the conversation."""
    asked = call(query, context=Context(turns=(turn,)))
    place = place_of(asked, policy(context=ContextRule(conversation=Conversation.NONE)))
    assert isinstance(place, Place)
    return place.partition


def test_place__conversation_ignored__whole_question_shared() -> None:
    query = "How do I cancel my order?"

    assert partition_after(b"a", query) == partition_after(b"b", query)


def test_place__conversation_ignored__follow_up_stays_in_its_conversation() -> None:
    query = "And for the other one?"

    assert partition_after(b"a", query) != partition_after(b"b", query)
