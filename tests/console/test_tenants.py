from __future__ import annotations

import pytest
from django.test import Client

from cache_admin.models import Tenant
from tests.console.builders import make_superuser, make_tenant
from tests.console.pages import form_errors, text


def test_list__member__only_own_tenants(acme: Tenant, globex: Tenant, viewer: Client) -> None:
    page = text(viewer.get("/tenants/"))

    assert "Acme" in page
    assert "Globex" not in page


def test_list__anonymous__sent_to_login(db: None) -> None:
    assert Client().get("/tenants/").status_code == 302


def test_new__superuser__created_with_ready_policies(db: None) -> None:
    root = make_superuser()

    response = root.post(
        "/tenants/new/", {"name": "Acme", "slug": "acme", "language": "en", "owner": ""}
    )

    assert response["Location"] == "/t/acme/"
    assert Tenant.objects.get().policies.count() == 5


def test_new__owner_of_a_tenant__forbidden(owner: Client) -> None:
    assert owner.get("/tenants/new/").status_code == 403


@pytest.mark.parametrize(("field", "value"), [("name", ""), ("slug", "A b"), ("language", "xx")])
def test_new__bad_value__named_at_its_field(field: str, value: str, db: None) -> None:
    sent = {"name": "Acme", "slug": "acme", "language": "en", "owner": ""} | {field: value}

    response = make_superuser().post("/tenants/new/", sent)

    assert list(form_errors(response)) == [field]


def test_new__slug_taken__refused_at_the_slug(db: None) -> None:
    make_tenant("acme")

    response = make_superuser().post(
        "/tenants/new/", {"name": "Acme", "slug": "acme", "language": "en", "owner": ""}
    )

    assert list(form_errors(response)) == ["slug"]


def test_settings__owner__saved(acme: Tenant, owner: Client) -> None:
    sent = {"name": "Acme Inc", "language": "es", "enabled": "on", "version": acme.version}

    response = owner.post("/t/acme/settings/", sent, follow=True)

    acme.refresh_from_db()
    assert (acme.name, acme.language) == ("Acme Inc", "es")
    assert "Settings saved." in text(response)


def test_settings__saved_meanwhile__both_names_shown(acme: Tenant, owner: Client) -> None:
    sent = {"name": "First", "language": "en", "enabled": "on", "version": 1}
    owner.post("/t/acme/settings/", sent)

    response = owner.post("/t/acme/settings/", sent | {"name": "Second"})

    assert "Name First Second" in text(response)
