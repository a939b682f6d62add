from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cache_admin.models import Tenant
from tests.console.builders import PASSWORD, logged_in
from tests.console.pages import form_errors, text

PATH = "/account/password/"
NEW = {
    "old_password": PASSWORD,
    "new_password1": "quite another phrase",
    "new_password2": "quite another phrase",
}


def test_password__changed__stays_logged_in_here(viewer: Client) -> None:
    response = viewer.post(PATH, NEW, follow=True)

    assert "Password changed." in text(response)
    assert User.objects.get(username="viewer").check_password("quite another phrase")
    assert viewer.get("/t/acme/").status_code == 200


def test_password__changed__other_sessions_end(viewer: Client) -> None:
    elsewhere = logged_in(User.objects.get(username="viewer"))

    viewer.post(PATH, NEW)

    assert elsewhere.get("/t/acme/").status_code == 302


@pytest.mark.parametrize(
    ("field", "value", "at"),
    [
        ("old_password", "a wrong guess", "old_password"),
        ("new_password2", "something else", "new_password2"),
        ("new_password1", "", "new_password1"),
    ],
)
def test_password__bad_value__named_at_its_field(
    field: str, value: str, at: str, viewer: Client
) -> None:
    assert at in form_errors(viewer.post(PATH, {**NEW, field: value}))
    assert User.objects.get(username="viewer").check_password(PASSWORD)


def test_password__too_common__refused(viewer: Client) -> None:
    easy = {**NEW, "new_password1": "password", "new_password2": "password"}

    assert "new_password2" in form_errors(viewer.post(PATH, easy))


def test_password__anonymous__sent_to_login(db: None) -> None:
    assert Client().get(PATH)["Location"] == f"/login/?next={PATH}"


def test_sidebar__account__leads_to_the_password(acme: Tenant, viewer: Client) -> None:
    assert f'href="{PATH}"' in viewer.get("/t/acme/").content.decode()


def test_password__rules__one_paragraph(viewer: Client) -> None:
    page = viewer.get(PATH).content.decode()

    assert "at least 8 characters. Your password" in page


def test_password__spanish__in_spanish(viewer: Client) -> None:
    viewer.cookies["django_language"] = "es"

    assert "Cambiar contraseña" in text(viewer.get(PATH))
