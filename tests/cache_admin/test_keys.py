from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from cache_admin.errors import InvalidInput
from cache_admin.models import AuditEntry, Revision, Tenant
from cache_admin.services.keys import create_key, revoke_key
from routing.snapshot import decode_snapshot
from tests.cache_admin.builders import ROBOT

pytestmark = pytest.mark.django_db


def test_create_key__text__prefix_and_256_bits(acme: Tenant) -> None:
    made = create_key(tenant=acme, actor=ROBOT, name="app")

    assert re.fullmatch(r"rp_[a-z2-9]{8}_[A-Za-z0-9_-]{43}", made.text)
    assert made.text.startswith(made.key.prefix + "_")


def test_create_key__database__holds_only_the_digest(acme: Tenant) -> None:
    made = create_key(tenant=acme, actor=ROBOT, name="app")

    assert made.key.digest == hashlib.sha256(made.text.encode()).hexdigest()


def test_create_key__text__in_no_revision_and_no_audit(acme: Tenant) -> None:
    made = create_key(tenant=acme, actor=ROBOT, name="app")

    revision, entry = Revision.objects.latest("number"), AuditEntry.objects.latest("pk")
    assert made.text not in f"{revision.snapshot_body!r} {revision.diff} {entry.changes}"
    assert made.key.digest not in f"{revision.diff} {entry.changes}"


def test_create_key__repr__hides_the_text(acme: Tenant) -> None:
    made = create_key(tenant=acme, actor=ROBOT, name="app")

    assert made.text not in repr(made)


@pytest.mark.parametrize("scopes", [(), ("everything",)])
def test_create_key__bad_scopes__refused(acme: Tenant, scopes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_key(tenant=acme, actor=ROBOT, name="app", scopes=scopes)

    assert set(caught.value.fields) == {"scopes"}


def test_create_key__past_expiry__refused(acme: Tenant) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_key(
            tenant=acme,
            actor=ROBOT,
            name="app",
            expires_at=timezone.now() - timedelta(seconds=1),
        )

    assert set(caught.value.fields) == {"expires_at"}


def test_revoke_key__snapshot__no_longer_has_it(acme: Tenant) -> None:
    made = create_key(tenant=acme, actor=ROBOT, name="app")

    revoke_key(key=made.key, actor=ROBOT)

    snapshot = decode_snapshot(Revision.objects.latest("number").snapshot_body)
    assert snapshot.tenants[0].api_keys == ()


def test_revoke_key__twice__first_time_stays(acme: Tenant) -> None:
    key = create_key(tenant=acme, actor=ROBOT, name="app").key
    revoke_key(key=key, actor=ROBOT)
    key.refresh_from_db()
    first = key.revoked_at

    revoke_key(key=key, actor=ROBOT)

    key.refresh_from_db()
    assert key.revoked_at == first
