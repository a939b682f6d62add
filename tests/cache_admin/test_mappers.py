from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from cache_admin.mappers import (
    build_snapshot,
    map_event,
    map_policy,
    map_rollups,
    put_policy,
)
from cache_admin.models import Policy, Tenant
from cache_admin.services.events import add_event_secret
from cache_admin.services.limits import LimitsSpec, update_limits
from cache_admin.services.matching import LexiconSpec, PairSpec, update_lexicon, update_pair
from cache_admin.services.policies import spec_of, update_policy
from cache_admin.services.tenants import create_tenant
from routing.snapshot import (
    ContentClass,
    ContextRule,
    Conversation,
    EventRule,
    Eviction,
    GuardName,
    LearnedCheck,
    LexiconConfig,
    Limits,
    NeverMerge,
    PersonalData,
    PolicyConfig,
    StoreRule,
    TenantConfig,
    Volatile,
    encode_snapshot,
)
from tests.cache_admin.builders import (
    NOON_MS,
    ROBOT,
    make_document,
    make_event,
    make_event_rule,
    make_faq,
    make_pair,
    make_policy,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_QUERIES = 13
EVERYTHING_SET = PolicyConfig(
    uid="policypolicypoli",
    name="chat",
    content_class=ContentClass.ARCHIVAL,
    min_similarity=0.85,
    ttl_seconds=60,
    disabled_guards=(GuardName.DATES, GuardName.LENGTH),
    context=ContextRule(
        tools=False, conversation=Conversation.LAST_TURNS, last_turns=3, language=False
    ),
    store=StoreRule(
        refusals=True,
        min_chars=2,
        max_chars=30,
        personal_data=PersonalData.KEEP,
        volatile=Volatile.REFUSE,
    ),
    jitter=0.1,
    stale_seconds=5,
    stale_if_error_seconds=50,
    single_flight=False,
    faqs=False,
    learned=LearnedCheck(0.9, ("similarity",), (0.8,), (0.1,), (2.5,), -1.0, NOON, 300),
)
"""A policy none of whose newer values is the default."""


def _config(tenant: Tenant) -> TenantConfig:
    snapshot = build_snapshot(revision=1, created_at=NOON)
    return next(config for config in snapshot.tenants if config.uid == tenant.uid)


def test_build_snapshot__more_rows__same_number_of_queries(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    for tenant in (acme, globex):
        for name in ("one", "two"):
            make_document(tenant, slug=name)
            policy = make_policy(tenant, name=name)
            spec = replace(spec_of(policy), documents=(name,))
            update_policy(policy=policy, actor=ROBOT, spec=spec, expected_version=None)
            make_faq(tenant, question=f"Question {name}", aliases=(f"alias {name}",))
            make_pair(tenant, b=f"Question {name}")
            make_event_rule(tenant, event=f"{name}_changed")
            add_event_secret(tenant=tenant, actor=ROBOT)

    with django_assert_num_queries(_QUERIES):
        build_snapshot(revision=1, created_at=NOON)


def test_build_snapshot__same_rows__same_bytes(acme: Tenant) -> None:
    make_faq(acme)

    bodies = {encode_snapshot(build_snapshot(revision=1, created_at=NOON)) for _turn in range(2)}

    assert len(bodies) == 1


def test_build_snapshot__prices__in_nano_usd(acme: Tenant, default_prices: None) -> None:
    snapshot = build_snapshot(revision=1, created_at=NOON)

    price = next(row for row in snapshot.prices if row.model == "gpt-4o-mini")
    assert (price.input, price.output, price.cache_read) == (150_000_000, 600_000_000, 75_000_000)


def test_build_snapshot__people__in_no_snapshot(acme: Tenant) -> None:
    User.objects.create_user("someone-private")

    body = encode_snapshot(build_snapshot(revision=1, created_at=NOON))

    assert b"someone-private" not in body


def test_map_event__times__aware_to_the_millisecond() -> None:
    call = map_event(make_event("acme", time_ms=NOON_MS + 7), tenant_id=1)

    assert call.at == NOON.replace(microsecond=7_000)


def test_map_event__long_label__cut_to_its_column() -> None:
    call = map_event(make_event("acme", endpoint="e" * 500), tenant_id=1)

    assert call.endpoint == "e" * 120


def test_map_event__nul__dropped() -> None:
    call = map_event(make_event("acme", endpoint="a\0b"), tenant_id=1)

    assert call.endpoint == "ab"


def test_map_event__id_is_none__refused() -> None:
    with pytest.raises(ValueError, match="badly formed"):
        map_event(make_event("acme", event_id="not a uuid"), tenant_id=1)


def test_map_event__avoided__by_cause() -> None:
    assert map_event(make_event("acme"), tenant_id=1).avoided_nanousd == {"prompt_cache": 1_000}


def test_map_rollups__two_calls_of_an_hour__one_sum() -> None:
    calls = [map_event(make_event("acme", time_ms=NOON_MS + ms), tenant_id=1) for ms in (0, 9)]

    [rollup] = map_rollups(calls)

    assert (rollup.hour, rollup.calls, rollup.cost_nanousd, rollup.input_tokens) == (
        NOON,
        2,
        700_000,
        2_000,
    )


def test_map_rollups__hours_apart__two_rows() -> None:
    hour_ms = 3_600_000
    calls = [
        map_event(make_event("acme", time_ms=NOON_MS + n * hour_ms), tenant_id=1) for n in (0, 1)
    ]

    assert len(map_rollups(calls)) == 2


def test_map_rollups__refused_call__counted_as_error() -> None:
    [rollup] = map_rollups([map_event(make_event("acme", status=502), tenant_id=1)])

    assert (rollup.calls, rollup.errors) == (1, 1)


def test_map_event__id__same_uuid() -> None:
    event = make_event("acme")

    assert map_event(event, tenant_id=1).id == uuid.UUID(event.id)


def test_map_event__model_never_called__rollup_has_model_asked() -> None:
    event = msgspec.structs.replace(make_event("acme"), model_used="")

    [rollup] = map_rollups([map_event(event, tenant_id=1)])

    assert rollup.model == "gpt-4o-mini"


def test_build_snapshot__one_tenant_changed__equal_to_reading_all(acme: Tenant) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    base = build_snapshot(revision=1, created_at=NOON)
    make_faq(acme)
    make_faq(globex)

    partly = build_snapshot(revision=1, created_at=NOON, changed=acme, base=base)
    both = build_snapshot(revision=1, created_at=NOON, changed=globex, base=partly)

    assert both == build_snapshot(revision=1, created_at=NOON)


def test_map_policy__untouched_row__defaults_of_the_snapshot(acme: Tenant) -> None:
    mapped = map_policy(make_policy(acme))

    bare = PolicyConfig(mapped.uid, mapped.name, mapped.content_class, 0.79, mapped.ttl_seconds)
    # Of the margin alone a new policy has more than a snapshot that does not name it.
    assert mapped == msgspec.structs.replace(bare, min_margin=0.05)


def test_put_policy__every_value_set__back_as_it_was(acme: Tenant) -> None:
    row = put_policy(EVERYTHING_SET, Policy(tenant=acme, uid=EVERYTHING_SET.uid))
    row.save()

    assert map_policy(Policy.objects.get(pk=row.pk)) == EVERYTHING_SET


def test_put_policy__lower_generation__row_keeps_its_own(acme: Tenant) -> None:
    row = put_policy(EVERYTHING_SET, Policy(tenant=acme, generation=4))

    assert row.generation == 4


def test_build_snapshot__words_and_limits__in_the_tenant(acme: Tenant) -> None:
    words = LexiconSpec(opposites=(("open", "shut"),), apart=(("pro", "gold"),))
    update_lexicon(tenant=acme, actor=ROBOT, spec=words, expected_version=1)
    limits = LimitsSpec(max_entries=10, max_bytes=20, eviction="lfu")
    update_limits(tenant=acme, actor=ROBOT, spec=limits, expected_version=1)

    config = _config(acme)

    assert config.lexicon == LexiconConfig((("open", "shut"),), (), (("pro", "gold"),))
    assert config.limits == Limits(10, 20, Eviction.LFU)


def test_build_snapshot__pair_switched_off__not_in_it(acme: Tenant) -> None:
    make_pair(acme, a="Pay now?", b="Pay later?")
    off = make_pair(acme, a="Pay now?", b="Pay how?")
    spec = PairSpec(a=off.a, b=off.b, enabled=False)
    update_pair(pair=off, actor=ROBOT, spec=spec, expected_version=None)

    assert _config(acme).never_merge == (NeverMerge("Pay now?", "Pay later?"),)


def test_build_snapshot__event_rules__in_order_of_their_names(acme: Tenant) -> None:
    make_event_rule(acme, event="b", tag="t")
    make_event_rule(acme, event="a", tag="t")

    assert _config(acme).event_rules == (EventRule("a", "t"), EventRule("b", "t"))


def test_map_event__margin_and_guards__kept() -> None:
    event = msgspec.structs.replace(make_event("acme"), margin=0.25, guards=("numbers", "slots"))

    call = map_event(event, tenant_id=1)

    assert (call.margin, call.guards) == (0.25, ["numbers", "slots"])
