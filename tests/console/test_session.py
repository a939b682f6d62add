from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cache_admin.models import Membership, Tenant
from tests.console.builders import PASSWORD, make_superuser, make_tenant
from tests.console.pages import text


def test_login__right_password__goes_where_one_was_going(acme: Tenant) -> None:
    User.objects.create_user("owner", password=PASSWORD)

    response = Client().post(
        "/login/", {"username": "owner", "password": PASSWORD, "next": "/t/acme/faqs/"}
    )

    assert response["Location"] == "/t/acme/faqs/"


def test_login__wrong_password__stays_and_says_so(db: None) -> None:
    User.objects.create_user("owner", password=PASSWORD)

    response = Client().post("/login/", {"username": "owner", "password": "guess"})

    assert "Please enter a correct username and password" in text(response)


def test_login__next_elsewhere__ignored(db: None) -> None:
    User.objects.create_user("owner", password=PASSWORD)
    sent = {"username": "owner", "password": PASSWORD, "next": "https://elsewhere.example/"}

    assert Client().post("/login/", sent)["Location"] == "/"


def test_login__already_logged_in__sent_on(owner: Client) -> None:
    assert owner.get("/login/")["Location"] == "/"


def test_logout__sent__session_over(owner: Client) -> None:
    owner.post("/logout/")

    assert owner.get("/t/acme/").status_code == 302


def test_logout__by_link__method_refused(owner: Client) -> None:
    assert owner.get("/logout/").status_code == 405


def test_home__first_visit__first_tenant(owner: Client) -> None:
    assert owner.get("/")["Location"] == "/t/acme/"


def test_home__later__tenant_last_worked_in(acme: Tenant, owner: Client) -> None:
    Membership.objects.create(
        user=User.objects.get(username="owner"), tenant=make_tenant("zeta"), role="viewer"
    )

    owner.get("/t/zeta/faqs/")

    assert owner.get("/")["Location"] == "/t/zeta/"


def test_home__last_tenant_lost__first_remaining(acme: Tenant, owner: Client) -> None:
    user = User.objects.get(username="owner")
    lost = Membership.objects.create(user=user, tenant=make_tenant("zeta"), role="viewer")
    owner.get("/t/zeta/")
    lost.delete()

    assert owner.get("/")["Location"] == "/t/acme/"


def test_home__no_tenant__says_whom_to_ask(outsider: Client) -> None:
    assert "to add you with manage.py set_member" in text(outsider.get("/"))


def test_home__superuser_without_tenants__offers_to_create_one(db: None) -> None:
    assert "Create a tenant" in text(make_superuser().get("/"))


def test_switcher__member_of_one__lists_only_it(
    acme: Tenant, globex: Tenant, viewer: Client
) -> None:
    assert "Globex" not in text(viewer.get("/t/acme/"))


@pytest.mark.parametrize(("language", "heading"), [("en", "Policies"), ("es", "Políticas")])
def test_language__chosen__pages_speak_it(language: str, heading: str, viewer: Client) -> None:
    viewer.post("/language/", {"language": language, "next": "/t/acme/policies/"})

    response = viewer.get("/t/acme/policies/")

    assert heading in text(response)
    assert f'<html lang="{language}">' in response.content.decode()


def test_static_menu__current_page__marked(viewer: Client) -> None:
    page = viewer.get("/t/acme/policies/").content.decode()

    assert 'href="/t/acme/policies/" aria-current="page"' in page
