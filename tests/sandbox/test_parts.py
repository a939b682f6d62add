"""The pure parts: tokens, prefixes, answers, faults."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.sandbox.answers import compose_answer
from routing.sandbox.faults import Behaviour, Fault, FaultDice, change_behaviour
from routing.sandbox.prefix_cache import CacheScope, PrefixCache, PrefixMatch
from routing.sandbox.tokens import count_tokens, split_tokens

ACME = CacheScope(api_key="acme", model="gpt-4o", prompt_cache_key="")
PROMPT = split_tokens("word " * 1300)


@given(st.text())
def test_tokens__joined__are_the_text(text: str) -> None:
    assert "".join(split_tokens(text)) == text


def test_tokens__english_prose__four_to_five_bytes_each() -> None:
    text = "Sign in and open your account page, where the current state is shown at the top."

    assert 4 <= len(text) / count_tokens(text) <= 5


@given(st.text(max_size=300))
def test_answer__any_question__forty_to_120_words(question: str) -> None:
    assert 40 <= len(compose_answer(question, model="gpt-4o").split()) <= 120


def test_prefix__asked_again__read_in_steps_of_128() -> None:
    cache = PrefixCache()

    first = cache.match(PROMPT, scope=ACME, now=0.0)
    second = cache.match(PROMPT, scope=ACME, now=1.0)

    assert first == PrefixMatch(read_tokens=0, written_tokens=1280)
    assert second == PrefixMatch(read_tokens=1280, written_tokens=0)


def test_prefix__differs_near_the_end__read_up_to_there() -> None:
    cache = PrefixCache()
    cache.match(PROMPT, scope=ACME, now=0.0)

    match = cache.match([*PROMPT[:1200], "other", *PROMPT[1201:]], scope=ACME, now=1.0)

    assert match == PrefixMatch(read_tokens=1152, written_tokens=128)


def test_prefix__under_1024_tokens__never_cached() -> None:
    cache = PrefixCache()
    cache.match(PROMPT[:1023], scope=ACME, now=0.0)

    assert cache.match(PROMPT[:1023], scope=ACME, now=1.0) == PrefixMatch()


@pytest.mark.parametrize(
    "scope",
    [
        CacheScope(api_key="globex", model="gpt-4o", prompt_cache_key=""),
        CacheScope(api_key="acme", model="gpt-4o-mini", prompt_cache_key=""),
        CacheScope(api_key="acme", model="gpt-4o", prompt_cache_key="v2"),
    ],
)
def test_prefix__another_scope__not_shared(scope: CacheScope) -> None:
    cache = PrefixCache()
    cache.match(PROMPT, scope=ACME, now=0.0)

    assert cache.match(PROMPT, scope=scope, now=1.0).read_tokens == 0


def test_prefix__idle_too_long__forgotten() -> None:
    cache = PrefixCache(idle_seconds=300)
    cache.match(PROMPT, scope=ACME, now=0.0)

    assert cache.match(PROMPT, scope=ACME, now=300.5).read_tokens == 0


def test_prefix__used_meanwhile__lives_on() -> None:
    cache = PrefixCache(idle_seconds=300)
    cache.match(PROMPT, scope=ACME, now=0.0)
    cache.match(PROMPT, scope=ACME, now=200.0)

    assert cache.match(PROMPT, scope=ACME, now=400.0).read_tokens == 1280


def test_behaviour__one_field_given__others_stay() -> None:
    changed = change_behaviour(Behaviour(latency_ms=250), b'{"error_rate": 0.5}')

    assert changed == Behaviour(latency_ms=250, error_rate=0.5)


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"x":1}', b'{"cut_rate":2}', b'{"cut_rate":0.6,"hang_rate":0.6}'],
)
def test_behaviour__wrong_body__refused(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        change_behaviour(Behaviour(), body)


def test_dice__same_seed__same_faults() -> None:
    behaviour = Behaviour(seed=7, error_rate=0.3, cut_rate=0.3)
    one, other = FaultDice(behaviour), FaultDice(behaviour)

    faults = [one.draw() for _ in range(50)]

    assert faults == [other.draw() for _ in range(50)]
    assert set(faults) == {Fault.NONE, Fault.ERROR, Fault.CUT}
