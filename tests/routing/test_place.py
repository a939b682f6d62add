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
from tests.routing.builders import call, document, policy, snapshot, tenant

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


def test_place__policy_does_not_tell_languages_apart__shared() -> None:
    careless = policy(context=ContextRule(language=False))
    english = place_of(call("How do I cancel my order?"), careless)
    spanish = place_of(call("How do I cancel my order?", language="es"), careless)

    assert isinstance(english, Place)
    assert isinstance(spanish, Place)
    assert english.partition == spanish.partition


NOW_ASKED = "What is the weather in Madrid right now?"
LIVE = policy("live", content_class=ContentClass.REAL_TIME, priority=-1)


def test_place__now_asked_where_users_are_kept_apart__never_shared() -> None:
    chosen = policy("default", store=ROUTED, scope=Scope.USER)

    assert place_of(call(NOW_ASKED, user="ana"), chosen, LIVE) == "volatile"


def test_place__now_asked_where_users_are_kept_apart__policy_that_does_so_too() -> None:
    chosen = policy("default", store=ROUTED, scope=Scope.USER)
    own = policy("own", content_class=ContentClass.REAL_TIME, scope=Scope.USER, priority=-2)

    assert policy_of(place_of(call(NOW_ASKED, user="ana"), chosen, LIVE, own)) == "own"


def test_place__now_asked_under_a_policy_with_documents__rests_on_them_too() -> None:
    chosen = policy("default", store=ROUTED, documents=("manual",))
    acme = tenant("acme", policies=(chosen, LIVE), documents=(document("manual", 3),))
    active = activate(snapshot(acme)).tenants["uid-acme"]
    place = find_place(call(NOW_ASKED), active, embedding_model="minilm@1")

    assert policy_of(place) == "live"
    assert isinstance(place, Place)
    assert place.documents == {"manual": "3"}


@pytest.mark.parametrize(
    "contexts",
    [
        (Context(system_prompt=b"1"), Context(system_prompt=b"2")),
        (Context(turns=(b"1",)), Context(turns=(b"2",))),
    ],
)
def test_place__now_asked_under_a_policy_that_counts_more__counted_all_the_same(
    contexts: tuple[Context, Context],
) -> None:
    chosen = policy("default", store=ROUTED)
    careless = ContextRule(system_prompt=False, conversation=Conversation.NONE)
    live = policy("live", content_class=ContentClass.REAL_TIME, context=careless, priority=-1)
    one, other = (place_of(call(NOW_ASKED, context=item), chosen, live) for item in contexts)

    assert isinstance(one, Place)
    assert isinstance(other, Place)
    assert one.partition != other.partition


def lifetimes(jitter: float) -> list[int]:
    places = [
        place_of(call(f"How do I cancel order type {number}?"), policy(jitter=jitter))
        for number in range(200)
    ]
    return [place.ttl_seconds for place in places if isinstance(place, Place)]


def test_place__jitter__lifetimes_spread_over_that_share_and_never_longer() -> None:
    spread = lifetimes(0.5)

    assert 1_800 <= min(spread) < 1_900
    assert 3_500 < max(spread) <= 3_600


def test_place__no_jitter__the_policys_lifetime() -> None:
    assert set(lifetimes(0.0)) == {3_600}


def test_place__jitter__same_question_the_same_lifetime() -> None:
    assert lifetimes(0.3) == lifetimes(0.3)


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
