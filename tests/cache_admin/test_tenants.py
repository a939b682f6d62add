from __future__ import annotations

import pytest

from cache_admin.errors import Conflict, InvalidInput, StaleEdit
from cache_admin.models import AuditEntry, Membership, Policy, Revision, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.members import set_member
from cache_admin.services.tenants import create_tenant, update_tenant
from tests.cache_admin.builders import ROBOT, make_policy, make_user

pytestmark = pytest.mark.django_db


def test_create_tenant__owner__is_a_member() -> None:
    owner = make_user("owner")

    tenant = create_tenant(actor=ROBOT, slug="acme", name="Acme", owner=owner)

    assert list(Tenant.objects.visible_to(owner, role="owner")) == [tenant]


def test_create_tenant__with_its_policies__one_revision_of_its_own() -> None:
    tenant = create_tenant(actor=ROBOT, slug="acme", name="Acme")

    assert Revision.objects.get().tenant == tenant


def test_create_tenant__taken_slug__conflict(acme: Tenant) -> None:
    with pytest.raises(Conflict):
        create_tenant(actor=ROBOT, slug="acme", name="Another")


@pytest.mark.parametrize(
    ("slug", "language", "field"), [("Acme Inc", "en", "slug"), ("acme", "english", "language")]
)
def test_create_tenant__bad_value__refused_at_its_field(
    db: None, slug: str, language: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_tenant(actor=ROBOT, slug=slug, name="Acme", language=language)

    assert set(caught.value.fields) == {field}


def test_update_tenant__disabled__in_the_snapshot(acme: Tenant) -> None:
    update_tenant(
        tenant=acme, actor=ROBOT, name="Acme", language="en", enabled=False, expected_version=1
    )

    assert Revision.objects.latest("number").diff == [
        {"path": "tenants/acme/enabled", "before": True, "after": False}
    ]


def test_update_tenant__old_version__stale(acme: Tenant) -> None:
    with pytest.raises(StaleEdit):
        update_tenant(
            tenant=acme, actor=ROBOT, name="A", language="en", enabled=True, expected_version=9
        )


def test_set_member__other_role__replaced_and_audited(acme: Tenant) -> None:
    user = make_user("viewer")
    set_member(tenant=acme, actor=ROBOT, user=user, role="viewer")

    set_member(tenant=acme, actor=ROBOT, user=user, role="curator")

    assert Membership.objects.get(user=user).role == "curator"
    assert AuditEntry.objects.latest("pk").changes["role"] == ["viewer", "curator"]


def test_set_member__unknown_role__refused(acme: Tenant) -> None:
    with pytest.raises(InvalidInput):
        set_member(tenant=acme, actor=ROBOT, user=make_user(), role="king")


@pytest.mark.parametrize(
    ("role", "asked", "visible"),
    [
        ("viewer", "viewer", True),
        ("viewer", "curator", False),
        ("curator", "operator", False),
        ("operator", "curator", True),
        ("owner", "owner", True),
    ],
)
def test_visible_to__role__holds_the_lesser_ones(
    acme: Tenant,
    role: str,
    asked: str,
    visible: bool,  # noqa: FBT001
) -> None:
    user = make_user()
    set_member(tenant=acme, actor=ROBOT, user=user, role=role)

    assert Tenant.objects.visible_to(user, role=asked).exists() is visible


def test_visible_to__outsider__nothing(acme: Tenant) -> None:
    assert not Tenant.objects.visible_to(make_user("outsider")).exists()


def choose(tenant: Tenant, name: str, *, actor: Actor = ROBOT) -> Tenant:
    return update_tenant(
        tenant=tenant,
        actor=actor,
        name=tenant.name,
        language=tenant.language,
        enabled=True,
        embedding_model=name,
        expected_version=None,
    )


def test_update_tenant__embedding_model__in_the_snapshot(acme: Tenant) -> None:
    choose(acme, "openai:text-embedding-3-small@512")

    assert Revision.objects.latest("number").diff == [
        {
            "path": "tenants/acme/embedding_model",
            "before": "",
            "after": "openai:text-embedding-3-small@512",
        }
    ]


@pytest.mark.parametrize("name", ["../models/e5", "openai:", "openai:text-embedding-3-small@9999"])
def test_update_tenant__no_embedding_model__refused_at_its_field(acme: Tenant, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        choose(acme, name)

    assert set(caught.value.fields) == {"embedding_model"}


@pytest.mark.parametrize("name", ["openai:text-embedding-3-small", "all-mpnet-base-v2"])
def test_update_tenant__other_model_than_a_check_has_learned_with__refused(
    acme: Tenant, name: str
) -> None:
    Policy.objects.filter(pk=make_policy(acme).pk).update(learned={"pairs": 300})

    with pytest.raises(InvalidInput, match="chat"):
        choose(acme, name)


@pytest.mark.parametrize("name", ["/srv/models/e5", "someone/unknown-model"])
def test_update_tenant__unlisted_local_model__only_by_who_runs_the_installation(
    acme: Tenant, name: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        choose(acme, name, actor=Actor.of(make_user("owner")))

    assert set(caught.value.fields) == {"embedding_model"}
    assert choose(acme, name).embedding_model == name


@pytest.mark.parametrize("name", ["all-mpnet-base-v2", "openai:any-model", " all-MiniLM-L6-v2 "])
def test_update_tenant__listed_or_remote_model__by_its_owner(acme: Tenant, name: str) -> None:
    saved = choose(acme, name, actor=Actor.of(make_user("owner")))

    assert saved.embedding_model == name.strip()
