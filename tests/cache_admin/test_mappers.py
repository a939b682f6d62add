from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from cache_admin.mappers import build_snapshot, map_event, map_rollups
from cache_admin.models import Tenant
from cache_admin.services.policies import spec_of, update_policy
from cache_admin.services.tenants import create_tenant
from routing.snapshot import encode_snapshot
from tests.cache_admin.builders import (
    NOON_MS,
    ROBOT,
    make_document,
    make_event,
    make_faq,
    make_policy,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_QUERIES = 10


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
