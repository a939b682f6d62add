from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from cache_admin.models import ApiKey, Tenant
from cache_admin.services.keys import key_digest
from tests.console.builders import make_key
from tests.console.pages import form_errors, text


def test_list__key__shows_only_its_beginning(acme: Tenant, viewer: Client) -> None:
    key = make_key(acme, name="web shop")

    page = text(viewer.get("/t/acme/keys/"))

    assert "web shop" in page
    assert f"{key.prefix}…" in page


@pytest.mark.parametrize(
    ("revoked_at", "expires_at", "state"),
    [
        (None, None, "active"),
        (datetime(2026, 1, 1, tzinfo=UTC), None, "revoked"),
        (None, datetime(2026, 1, 1, tzinfo=UTC), "expired"),
    ],
)
def test_list__key__says_its_state(
    revoked_at: datetime | None,
    expires_at: datetime | None,
    state: str,
    acme: Tenant,
    viewer: Client,
) -> None:
    make_key(acme)
    ApiKey.objects.update(revoked_at=revoked_at, expires_at=expires_at)

    assert f"badge-{ {'active': 'on', 'revoked': 'bad', 'expired': 'warn'}[state] }" in (
        viewer.get("/t/acme/keys/").content.decode()
    )


def test_new__valid__text_shown_once(acme: Tenant, operator: Client) -> None:
    response = operator.post("/t/acme/keys/new/", {"name": "web shop", "scopes": ["call"]})

    shown = response.context["text"]
    assert ApiKey.objects.get().digest == key_digest(shown)
    assert shown in text(response)
    assert shown not in text(operator.get("/t/acme/keys/"))


def test_new__page_reloaded__no_second_key(acme: Tenant, operator: Client) -> None:
    nonce = operator.get("/t/acme/keys/new/").context["form"]["nonce"].value()
    sent = {"name": "web shop", "scopes": ["call"], "nonce": nonce}
    shown = operator.post("/t/acme/keys/new/", sent).context["text"]

    page = text(operator.post("/t/acme/keys/new/", sent))

    assert ApiKey.objects.count() == 1
    assert "This key was created already" in page
    assert shown not in page


def test_new__form_opened_twice__two_keys(acme: Tenant, operator: Client) -> None:
    for _time in range(2):
        nonce = operator.get("/t/acme/keys/new/").context["form"]["nonce"].value()
        sent = {"name": "web shop", "scopes": ["call"], "nonce": nonce}
        operator.post("/t/acme/keys/new/", sent)

    assert ApiKey.objects.count() == 2


def test_new__refused_first__same_form_still_good(acme: Tenant, operator: Client) -> None:
    nonce = operator.get("/t/acme/keys/new/").context["form"]["nonce"].value()
    operator.post("/t/acme/keys/new/", {"name": "", "scopes": ["call"], "nonce": nonce})

    sent = {"name": "web shop", "scopes": ["call"], "nonce": nonce}
    operator.post("/t/acme/keys/new/", sent)

    assert ApiKey.objects.count() == 1


def test_new__last_day__ends_at_the_following_midnight(acme: Tenant, operator: Client) -> None:
    sent = {"name": "web shop", "scopes": ["read", "write"], "expires_at": "2150-05-31"}

    operator.post("/t/acme/keys/new/", sent)

    key = ApiKey.objects.get()
    assert key.expires_at == datetime(2150, 6, 1, tzinfo=UTC)
    assert key.scopes == ["read", "write"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("scopes", []),
        ("scopes", ["all"]),
        ("expires_at", "2020-01-01"),
        ("expires_at", "9999-12-31"),
    ],
)
def test_new__bad_value__named_at_its_field(
    field: str, value: object, acme: Tenant, operator: Client
) -> None:
    sent = {"name": "web shop", "scopes": ["call"]} | {field: value}

    response = operator.post("/t/acme/keys/new/", sent)

    assert list(form_errors(response)) == [field]
    assert not ApiKey.objects.exists()


def test_revoke__asked__still_active(acme: Tenant, operator: Client) -> None:
    key = make_key(acme)

    operator.get(f"/t/acme/keys/{key.uid}/revoke/")

    key.refresh_from_db()
    assert key.is_active(now=timezone.now())


def test_revoke__confirmed__ended(acme: Tenant, operator: Client) -> None:
    key = make_key(acme)

    response = operator.post(f"/t/acme/keys/{key.uid}/revoke/", follow=True)

    key.refresh_from_db()
    assert "Key revoked. Saved as revision 2." in text(response)
    assert not key.is_active(now=timezone.now())
