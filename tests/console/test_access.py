"""Who may see and send what, for every page alike."""

from __future__ import annotations

import pytest
from django.test import Client

from cache_admin.models import Role, Tenant
from tests.console.builders import make_member, make_outsider
from tests.console.pages import PAGES, Page, address, make_one_of_each

_FORMS = [page for page in PAGES if page.post_role]
_READ_ONLY = [page for page in PAGES if not page.post_role]


def _id(page: Page) -> str:
    return page.path or "overview"


def _below(role: str) -> str:
    return Role.values[Role.values.index(role) - 1]


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_page__anonymous__sent_to_login(page: Page, acme: Tenant) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    response = Client().get(path)

    assert response.status_code == 302
    assert response["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_page__least_role__shown(page: Page, acme: Tenant) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    assert make_member(acme, role=page.role).get(path).status_code == 200


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_page__stranger__not_found(page: Page, acme: Tenant) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    assert make_outsider().get(path).status_code == 404


@pytest.mark.parametrize("page", [p for p in PAGES if "{" in p.path], ids=_id)
def test_object__reached_through_own_tenant__not_found(
    page: Page, acme: Tenant, globex: Tenant
) -> None:
    theirs = make_one_of_each(globex)

    response = make_member(acme, role="owner").get(address(page, slug="acme", ids=theirs))

    assert response.status_code == 404


@pytest.mark.parametrize("page", [p for p in PAGES if p.role != "viewer"], ids=_id)
def test_page__role_below__forbidden(page: Page, acme: Tenant) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    assert make_member(acme, role=_below(page.role)).get(path).status_code == 403


@pytest.mark.parametrize("page", _FORMS, ids=_id)
def test_form__role_below__forbidden(page: Page, acme: Tenant) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    assert make_member(acme, role=_below(page.post_role)).post(path).status_code == 403


@pytest.mark.parametrize("page", _READ_ONLY, ids=_id)
def test_page__post_to_a_list__method_refused(page: Page, acme: Tenant, owner: Client) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    assert owner.post(path).status_code == 405


@pytest.mark.parametrize("page", _FORMS, ids=_id)
def test_form__put__method_refused(page: Page, acme: Tenant, owner: Client) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    assert owner.put(path).status_code == 405


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_page__shown__kept_by_no_cache(page: Page, acme: Tenant, owner: Client) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    assert "no-store" in owner.get(path)["Cache-Control"]


def test_partial__anonymous__sends_the_whole_page_to_login(acme: Tenant) -> None:
    response = Client().get("/t/acme/faqs/", headers={"hx-request": "true"})

    assert response["HX-Redirect"] == "/login/?next=/t/acme/faqs/"


def test_form__without_csrf_token__refused(acme: Tenant, owner: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies

    assert strict.post("/t/acme/keys/new/", {"name": "x"}).status_code == 403
