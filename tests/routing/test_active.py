from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from routing.active import activate, covers
from routing.snapshot import MatchRule
from routing.types import Controls
from tests.routing.builders import (
    ACME_KEY,
    NOW,
    digest,
    faq,
    policy,
    route,
    snapshot,
    tenant,
)


def test_grant__known_key__its_tenant() -> None:
    grant = activate(snapshot()).grant(digest(ACME_KEY), now=NOW)

    assert grant is not None
    assert grant.tenant.config.slug == "acme"


def test_grant__unknown_key__nothing() -> None:
    assert activate(snapshot()).grant(digest("rp_nobody"), now=NOW) is None


def test_grant__expired_key__nothing() -> None:
    acme = tenant("acme")
    expired = msgspec.structs.replace(acme.api_keys[0], expires_at=NOW - timedelta(seconds=1))
    config = activate(snapshot(msgspec.structs.replace(acme, api_keys=(expired,))))

    assert config.grant(digest(ACME_KEY), now=NOW) is None


def test_faq__alias_with_other_punctuation__answered() -> None:
    acme = tenant(faqs=(faq("What is your return policy?", "30 days.", "Can I return it?"),))
    found = activate(snapshot(acme)).tenants["uid-acme"].faq("can i RETURN it")

    assert found is not None
    assert found.answer == "30 days."


def test_faq__phrase_in_two_languages__main_language_wins() -> None:
    acme = tenant(
        language="es",
        faqs=(faq("FAQ", "English.", language="en"), faq("FAQ", "Español.", language="es")),
    )
    found = activate(snapshot(acme)).tenants["uid-acme"].faq("faq")

    assert found is not None
    assert found.answer == "Español."


def test_faq__disabled__not_answered() -> None:
    hidden = msgspec.structs.replace(faq("Where?", "There."), enabled=False)

    assert activate(snapshot(tenant(faqs=(hidden,)))).tenants["uid-acme"].faq("where") is None


def test_policy__two_cover_the_call__higher_priority_wins() -> None:
    acme = tenant(policies=(policy("low", priority=1), policy("high", priority=2)))
    chosen = activate(snapshot(acme)).tenants["uid-acme"].policy(Controls(), model="m")

    assert chosen is not None
    assert chosen.name == "high"


def test_policy__named_by_the_app__overrides_match() -> None:
    acme = tenant(policies=(policy("a", priority=9), policy("b")))
    chosen = activate(snapshot(acme)).tenants["uid-acme"].policy(Controls(policy="b"), model="m")

    assert chosen is not None
    assert chosen.name == "b"


@pytest.mark.parametrize(
    ("rule", "covered"),
    [
        (MatchRule(), True),
        (MatchRule(endpoints=("chat",)), True),
        (MatchRule(endpoints=("search",)), False),
        (MatchRule(tags=("x", "help")), True),
        (MatchRule(models=("gpt-5*",)), True),
        (MatchRule(models=("gpt-5",)), False),
        (MatchRule(endpoints=("chat",), tags=("x",)), False),
    ],
)
def test_covers__rule__every_list_must_match(rule: MatchRule, *, covered: bool) -> None:
    controls = Controls(endpoint="chat", tags=("help",))

    assert covers(policy(match=rule), controls, model="gpt-5-mini") is covered


def test_route__exact_and_patterns__most_precise_wins() -> None:
    acme = tenant(
        routes=(
            route("*", "any", "any"),
            route("gpt-*", "gpt-5", "gpt"),
            route("gpt-4o", "gpt-5-mini", "small"),
        )
    )
    active = activate(snapshot(acme)).tenants["uid-acme"]

    groups = [active.model_group(model) for model in ("gpt-4o", "gpt-4o-mini", "o3")]

    assert groups == ["small", "gpt", "any"]


def test_model_group__no_route__own_name() -> None:
    assert activate(snapshot()).tenants["uid-acme"].model_group("o3") == "o3"
