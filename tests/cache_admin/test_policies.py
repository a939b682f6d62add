from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from cache_admin.errors import Conflict, InvalidInput, StaleEdit
from cache_admin.mappers import map_policy
from cache_admin.models import AuditEntry, Policy, Revision, Tenant
from cache_admin.services.policies import (
    PolicySpec,
    create_policy,
    delete_policy,
    forget_learned_check,
    spec_from,
    spec_of,
    update_policy,
)
from cache_admin.services.tenants import create_tenant
from tests.cache_admin.builders import ROBOT, make_document, make_policy

pytestmark = pytest.mark.django_db


def test_create_tenant__ready_policies__one_a_content_class(acme: Tenant) -> None:
    lifetimes = dict(acme.policies.values_list("content_class", "ttl_seconds"))

    assert lifetimes == {
        "real_time": 45,
        "user_specific": 600,
        "frequent_faq": 3_600,
        "static_docs": 86_400,
        "archival": 2_592_000,
    }


def test_create_tenant__ready_policies__lowest_priority_matches_everything(acme: Tenant) -> None:
    last = acme.policies.order_by("priority").first()

    assert last is not None
    assert (last.name, last.match_tags, last.min_similarity) == (
        "frequent-faq",
        [],
        Decimal("0.7900"),
    )


def test_create_policy__valid__publishes_one_revision(acme: Tenant) -> None:
    make_policy(acme, name="chat")

    assert [change["path"] for change in Revision.objects.latest("number").diff] == [
        "tenants/acme/policies/chat"
    ]


def test_create_policy__blanks_in_lists__dropped(acme: Tenant) -> None:
    spec = PolicySpec(name="chat", content_class="archival", match_tags=(" a ", "", "a", "b"))

    policy = create_policy(tenant=acme, actor=ROBOT, spec=spec)

    assert policy.match_tags == ["a", "b"]


def test_create_policy__taken_name__conflict_at_the_name(acme: Tenant) -> None:
    make_policy(acme, name="chat")

    with pytest.raises(Conflict) as caught:
        make_policy(acme, name="chat")

    assert set(caught.value.fields) == {"name"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "With Spaces"),
        ("content_class", "eternal"),
        ("min_similarity", Decimal("1.01")),
        ("min_margin", Decimal("-0.1")),
        ("ttl_seconds", 0),
        ("ttl_seconds", 10**9),
        ("scope", "planet"),
        ("documents", ("missing",)),
        ("disabled_guards", ("moods",)),
        ("context_conversation", "some"),
        ("context_last_turns", 0),
        ("context_last_turns", 51),
        ("store_min_chars", 100_001),
        ("store_max_chars", 2**31),
        ("store_personal_data", "sell"),
        ("store_volatile", "maybe"),
        ("jitter", Decimal("0.51")),
        ("stale_seconds", 10**9),
        ("stale_if_error_seconds", -1),
    ],
)
def test_create_policy__bad_value__refused_at_its_field(
    acme: Tenant, field: str, value: Any
) -> None:
    spec = replace(PolicySpec(name="chat", content_class="archival"), **{field: value})

    with pytest.raises(InvalidInput) as caught:
        create_policy(tenant=acme, actor=ROBOT, spec=spec)

    assert set(caught.value.fields) == {field}


def test_create_policy__refused__leaves_no_trace(acme: Tenant) -> None:
    before = (Revision.objects.count(), AuditEntry.objects.count())

    with pytest.raises(InvalidInput):
        make_policy(acme, name="chat", ttl_seconds=0)

    assert (Revision.objects.count(), AuditEntry.objects.count()) == before


def test_update_policy__new_threshold__diff_tells_before_and_after(acme: Tenant) -> None:
    policy = make_policy(acme)
    spec = replace(spec_of(policy), min_similarity=Decimal("0.85"))

    update_policy(policy=policy, actor=ROBOT, spec=spec, expected_version=1)

    assert Revision.objects.latest("number").diff == [
        {"path": "tenants/acme/policies/chat/min_similarity", "before": 0.79, "after": 0.85}
    ]


def test_update_policy__same_values__publishes_nothing(acme: Tenant) -> None:
    policy = make_policy(acme)
    before = Revision.objects.count()

    update_policy(policy=policy, actor=ROBOT, spec=spec_of(policy), expected_version=1)

    assert Revision.objects.count() == before


def test_update_policy__old_version__stale(acme: Tenant) -> None:
    policy = make_policy(acme)
    update_policy(
        policy=policy,
        actor=ROBOT,
        spec=replace(spec_of(policy), ttl_seconds=700),
        expected_version=1,
    )

    with pytest.raises(StaleEdit):
        update_policy(policy=policy, actor=ROBOT, spec=spec_of(policy), expected_version=1)


def test_update_policy__document__snapshot_names_it(acme: Tenant) -> None:
    policy = make_policy(acme)
    make_document(acme, slug="manual")
    spec = replace(spec_of(policy), documents=("manual",))

    update_policy(policy=policy, actor=ROBOT, spec=spec, expected_version=None)

    assert Revision.objects.latest("number").diff == [
        {"path": "tenants/acme/policies/chat/documents", "before": [], "after": ["manual"]}
    ]


def test_update_policy__other_tenants_document__refused(acme: Tenant) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    make_document(globex, slug="manual")
    policy = make_policy(acme)

    with pytest.raises(InvalidInput):
        update_policy(
            policy=policy,
            actor=ROBOT,
            spec=replace(spec_of(policy), documents=("manual",)),
            expected_version=None,
        )


def test_delete_policy__existing__audited(acme: Tenant) -> None:
    policy = make_policy(acme)

    delete_policy(policy=policy, actor=ROBOT)

    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor_label, Policy.objects.filter(name="chat").exists()) == (
        "policy.deleted",
        "tests",
        False,
    )


def test_delete_policy__someone_saved_meanwhile__refused(acme: Tenant) -> None:
    policy = acme.policies.get(name="archival")
    Policy.objects.filter(pk=policy.pk).update(version=policy.version + 1)

    with pytest.raises(StaleEdit):
        delete_policy(policy=policy, actor=ROBOT, expected_version=policy.version)


def test_policy_spec__nothing_said__as_the_columns_have_it() -> None:
    row, spec = Policy(), PolicySpec(name="", content_class="")

    columns = [field.name for field in fields(spec) if field.name != "documents"]
    offered = {name: getattr(spec, name) for name in columns}
    kept = {name: getattr(row, name) for name in columns}
    assert {name: list(value) if value == () else value for name, value in offered.items()} == kept


def test_create_policy__guards_in_any_order__kept_once_in_ours(acme: Tenant) -> None:
    spec = PolicySpec(
        name="chat", content_class="archival", disabled_guards=("slots", "dates", "slots")
    )

    policy = create_policy(tenant=acme, actor=ROBOT, spec=spec)

    assert policy.disabled_guards == ["dates", "slots"]


def test_create_policy__word_against_the_pairs__means_nothing(acme: Tenant) -> None:
    spec = PolicySpec(name="chat", content_class="archival", disabled_guards=("never_merge",))

    policy = create_policy(tenant=acme, actor=ROBOT, spec=spec)

    assert policy.disabled_guards == []


def test_update_policy__part_of_a_rule__diff_names_the_part(acme: Tenant) -> None:
    policy = make_policy(acme)
    spec = replace(spec_of(policy), store_max_chars=500)

    update_policy(policy=policy, actor=ROBOT, spec=spec, expected_version=1)

    assert Revision.objects.latest("number").diff == [
        {"path": "tenants/acme/policies/chat/store/max_chars", "before": 100_000, "after": 500}
    ]


def test_spec_from__own_configuration__equal_to_the_row(acme: Tenant) -> None:
    make_document(acme)
    spec = PolicySpec(
        name="chat",
        content_class="archival",
        documents=("manual",),
        match_tags=("a",),
        context_language=False,
        store_refusals=True,
        jitter=Decimal("0.1"),
    )
    policy = create_policy(tenant=acme, actor=ROBOT, spec=spec)

    assert spec_from(map_policy(policy)) == spec_of(policy) == spec


def test_forget_learned_check__learned__gone_and_audited(acme: Tenant) -> None:
    policy = make_policy(acme)
    policy.learned = {"pairs": 300, "trained_at": "2026-01-01T12:00:00Z"}
    Policy.objects.filter(pk=policy.pk).update(learned=policy.learned)

    forget_learned_check(policy=policy, actor=ROBOT)

    assert Policy.objects.get(pk=policy.pk).learned is None
    assert AuditEntry.objects.latest("pk").changes["pairs"] == [300, None]


def test_forget_learned_check__nothing_learned__no_trace(acme: Tenant) -> None:
    policy = make_policy(acme)
    before = AuditEntry.objects.count()

    forget_learned_check(policy=policy, actor=ROBOT)

    assert AuditEntry.objects.count() == before
