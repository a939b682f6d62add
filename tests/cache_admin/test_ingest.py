from __future__ import annotations

import msgspec
import pytest
from django.db.models import Sum

from cache_admin.models import CallEvent, HourlyRollup, Tenant
from cache_admin.services.ingest import store_events
from tests.cache_admin.builders import NOON_MS, make_event

pytestmark = pytest.mark.django_db


def _counted() -> int:
    total = HourlyRollup.objects.aggregate(total=Sum("calls"))["total"]
    return int(total or 0)


def test_store_events__new__kept_and_counted(acme: Tenant) -> None:
    outcome = store_events([make_event(acme.uid), make_event(acme.uid)])

    assert (outcome.new, CallEvent.objects.count(), _counted()) == (2, 2, 2)


def test_store_events__delivered_again__counted_once(acme: Tenant) -> None:
    events = [make_event(acme.uid), make_event(acme.uid)]
    store_events(events)

    outcome = store_events([*events, make_event(acme.uid)])

    assert (outcome.new, outcome.repeated, _counted()) == (1, 2, 3)


def test_store_events__same_id_twice_in_a_batch__counted_once(acme: Tenant) -> None:
    event = make_event(acme.uid)

    store_events([event, event])

    assert _counted() == 1


def test_store_events__second_batch_of_an_hour__adds_to_the_sums(acme: Tenant) -> None:
    store_events([make_event(acme.uid)])
    store_events([make_event(acme.uid)])

    rollup = HourlyRollup.objects.get()
    sums = (rollup.calls, rollup.input_tokens, rollup.output_tokens, rollup.cost_nanousd)
    assert sums == (2, 2_000, 200, 700_000)
    assert (rollup.avoided_nanousd, rollup.total_us) == (2_000, 10_000)


def test_store_events__unknown_tenant__refused_with_the_reason(acme: Tenant) -> None:
    outcome = store_events([make_event("nobody"), make_event(acme.uid)])

    assert [refusal.reason for refusal in outcome.refused] == ["unknown tenant"]
    assert _counted() == 1


@pytest.mark.parametrize(
    "bad", [{"id": "no uuid"}, {"time_ms": 10**18}, {"revision": 2**70}, {"time_ms": -(10**18)}]
)
def test_store_events__one_bad_value__others_kept(acme: Tenant, bad: dict[str, object]) -> None:
    good = [make_event(acme.uid) for _position in range(5)]
    spoilt = msgspec.structs.replace(make_event(acme.uid), **bad)

    outcome = store_events([*good[:2], spoilt, *good[2:]])

    assert (outcome.new, len(outcome.refused), _counted()) == (5, 1, 5)


def test_store_events__larger_than_a_statement_holds__all_kept(acme: Tenant) -> None:
    events = [make_event(acme.uid, time_ms=NOON_MS + number) for number in range(1_500)]

    assert store_events(events).new == 1_500


def test_store_events__nothing__nothing(acme: Tenant) -> None:
    assert store_events([]).new == 0
