from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis

from cache_admin.errors import Conflict, InvalidInput
from cache_admin.models import Revision, Tenant
from cache_admin.selectors.documents import bump_preview, entries_resting_on
from cache_admin.services.documents import bump_document, create_document, update_document
from cache_admin.services.policies import spec_of, update_policy
from cache_admin.services.revisions import rollback
from routing import redis_names
from tests.cache_admin.builders import ROBOT, make_document, make_policy

pytestmark = pytest.mark.django_db


def _store(client: redis.Redis, tenant: Tenant, *, version: int, live: int, expired: int) -> None:
    """Entries resting on a version of `manual`, in one partition, as the runtime books them."""
    name = redis_names.document_partitions(tenant.uid, "manual", str(version))
    client.sadd(name, f"p{version}")
    now = int(time.time())
    expiries = {f"live{number}": now + 600 for number in range(live)}
    expiries |= {f"old{number}": now - 1 for number in range(expired)}
    client.zadd(redis_names.expiries(tenant.uid, f"p{version}"), expiries)


def test_create_document__new__starts_its_history(acme: Tenant) -> None:
    document = make_document(acme)

    assert list(document.versions.values_list("number", flat=True)) == [1]


def test_create_document__taken_slug__conflict(acme: Tenant) -> None:
    make_document(acme, slug="manual")

    with pytest.raises(Conflict):
        make_document(acme, slug="manual")


def test_create_document__bad_slug__refused(acme: Tenant) -> None:
    with pytest.raises(InvalidInput):
        create_document(tenant=acme, actor=ROBOT, slug="The Manual", title="The manual")


def test_update_document__title__publishes_nothing(acme: Tenant) -> None:
    document = make_document(acme)
    before = Revision.objects.count()

    renamed = update_document(document=document, actor=ROBOT, title="New", expected_version=1)

    assert (renamed.title, renamed.version, Revision.objects.count()) == ("New", 2, before)


def test_bump_document__note__kept_with_version_and_revision(acme: Tenant) -> None:
    version = bump_document(document=make_document(acme), actor=ROBOT, note="New prices")

    assert (version.number, version.note) == (2, "New prices")
    assert Revision.objects.latest("number").note == "New prices"


def test_bump_document__entries_on_the_old_version__counted(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    document = make_document(acme)
    _store(live_redis, acme, version=1, live=3, expired=2)

    assert bump_document(document=document, actor=ROBOT).retired_entries == 3


def test_bump_document__redis_away__count_unknown(acme: Tenant) -> None:
    assert bump_document(document=make_document(acme), actor=ROBOT).retired_entries is None


def test_bump_document__after_rollback__number_never_used_again(acme: Tenant) -> None:
    document = make_document(acme)
    first = Revision.objects.latest("number")
    bump_document(document=document, actor=ROBOT)
    rollback(revision=first, actor=ROBOT, tenant=acme)

    assert bump_document(document=document, actor=ROBOT).number == 3


def test_entries_resting_on__other_version__not_counted(
    acme: Tenant, live_redis: redis.Redis
) -> None:
    document = make_document(acme)
    _store(live_redis, acme, version=7, live=3, expired=0)

    assert entries_resting_on(document) == 0


def test_bump_preview__dependent_policy__named(acme: Tenant, live_redis: redis.Redis) -> None:
    document, policy = make_document(acme, slug="manual"), make_policy(acme)
    attached = replace(spec_of(policy), documents=("manual",))
    update_policy(policy=policy, actor=ROBOT, spec=attached, expected_version=None)

    preview = bump_preview(document)

    assert (preview.entries, [item.name for item in preview.policies]) == (0, ["chat"])
