"""Rules of events, what signs them, and limits."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from cache_admin.errors import Conflict, InvalidInput, NotAllowed, StaleEdit
from cache_admin.models import AuditEntry, EventRule, EventSecret, Revision, Tenant
from cache_admin.services import events
from cache_admin.services.events import (
    EventRuleSpec,
    add_event_secret,
    delete_event_rule,
    update_event_rule,
    withdraw_event_secret,
)
from cache_admin.services.limits import LimitsSpec, limits_of, update_limits
from routing.snapshot import decode_snapshot
from tests.cache_admin.builders import ROBOT, make_event_rule

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("tag", ["prices", "order:{id}", "{payload.kind}:{payload.order-no}"])
def test_create_event_rule__good_template__kept(acme: Tenant, tag: str) -> None:
    assert make_event_rule(acme, tag=tag).tag == tag


@pytest.mark.parametrize(
    "tag",
    ["", "order:{}", "order:{name}", "order:{id", "order:id}", "{payload.}", "{payload.a.b}",
     "{{id}}", "a,b", "a\nb", "x" * 121],
)  # fmt: skip
def test_create_event_rule__bad_template__refused_at_the_tag(acme: Tenant, tag: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_event_rule(acme, tag=tag)

    assert set(caught.value.fields) == {"tag"}


@pytest.mark.parametrize("event", ["", "two words", "-x", "x" * 121, "ñ"])
def test_create_event_rule__bad_name__refused_at_the_event(acme: Tenant, event: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_event_rule(acme, event=event)

    assert set(caught.value.fields) == {"event"}


def test_create_event_rule__twice__conflict(acme: Tenant) -> None:
    make_event_rule(acme)

    with pytest.raises(Conflict):
        make_event_rule(acme)


def test_create_event_rule__too_many__refused(acme: Tenant) -> None:
    EventRule.objects.bulk_create(
        EventRule(tenant=acme, event="e", tag=f"t{number}") for number in range(events.MAX_RULES)
    )

    with pytest.raises(NotAllowed):
        make_event_rule(acme)


def test_update_event_rule__old_version__stale(acme: Tenant) -> None:
    spec = EventRuleSpec(event="e", tag="t")

    with pytest.raises(StaleEdit):
        update_event_rule(rule=make_event_rule(acme), actor=ROBOT, spec=spec, expected_version=9)


def test_update_event_rule__switched_off__leaves_the_snapshot(acme: Tenant) -> None:
    spec = EventRuleSpec(event="order_updated", tag="order:{id}", enabled=False)

    update_event_rule(rule=make_event_rule(acme), actor=ROBOT, spec=spec, expected_version=1)

    assert Revision.objects.latest("number").diff == [
        {
            "path": "tenants/acme/event_rules/order_updated → order:{id}",
            "before": {"event": "order_updated", "tag": "order:{id}"},
            "after": None,
        }
    ]


def test_delete_event_rule__existing__audited(acme: Tenant) -> None:
    delete_event_rule(rule=make_event_rule(acme), actor=ROBOT)

    assert AuditEntry.objects.latest("pk").action == "event_rule.deleted"


def test_add_event_secret__new__snapshot_has_what_the_key_decrypts(
    acme: Tenant, settings: Settings
) -> None:
    made = add_event_secret(tenant=acme, actor=ROBOT)

    revision = Revision.objects.latest("number")
    [tenant] = decode_snapshot(revision.snapshot_body).tenants
    [token] = tenant.event_secrets
    assert Fernet(settings.CREDENTIALS_KEY).decrypt(token) == made.text.encode()


def test_add_event_secret__new__text_in_no_row_diff_or_audit(acme: Tenant) -> None:
    made = add_event_secret(tenant=acme, actor=ROBOT)

    kept = str(
        [
            *EventSecret.objects.values(),
            *Revision.objects.values("diff", "summary"),
            *AuditEntry.objects.values(),
        ]
    )
    assert made.text not in kept
    assert Revision.objects.latest("number").diff == [
        {"path": "tenants/acme/event_secrets", "before": "(hidden)", "after": "(hidden)"}
    ]


def test_add_event_secret__two_in_force__third_refused(acme: Tenant) -> None:
    for _turn in range(2):
        add_event_secret(tenant=acme, actor=ROBOT)

    with pytest.raises(NotAllowed):
        add_event_secret(tenant=acme, actor=ROBOT)


def test_withdraw_event_secret__older_of_two__newer_stays(acme: Tenant) -> None:
    older = add_event_secret(tenant=acme, actor=ROBOT).secret
    newer = add_event_secret(tenant=acme, actor=ROBOT).secret

    withdraw_event_secret(secret=older, actor=ROBOT)
    withdraw_event_secret(secret=older, actor=ROBOT)

    assert list(acme.event_secrets.all()) == [newer]


def test_update_limits__old_version__stale(acme: Tenant) -> None:
    with pytest.raises(StaleEdit):
        update_limits(tenant=acme, actor=ROBOT, spec=LimitsSpec(max_entries=5), expected_version=3)


@pytest.mark.parametrize(
    ("field", "value"), [("max_entries", -1), ("max_bytes", 2**63), ("eviction", "random")]
)
def test_update_limits__bad_value__refused_at_its_field(
    acme: Tenant, field: str, value: object
) -> None:
    spec = LimitsSpec(**{field: value})  # type: ignore[arg-type]  # the point of the test

    with pytest.raises(InvalidInput) as caught:
        update_limits(tenant=acme, actor=ROBOT, spec=spec, expected_version=None)

    assert set(caught.value.fields) == {field}


def test_update_limits__new__diff_names_the_part(acme: Tenant) -> None:
    update_limits(tenant=acme, actor=ROBOT, spec=LimitsSpec(max_entries=5), expected_version=1)

    assert limits_of(acme).version == 2
    assert Revision.objects.latest("number").diff == [
        {"path": "tenants/acme/limits/max_entries", "before": 0, "after": 5}
    ]
