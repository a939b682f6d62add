"""The commands for what has no page: members, providers' keys and routes."""

from __future__ import annotations

from io import StringIO
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from cache_admin.models import AuditEntry, Membership, ModelRoute, ProviderCredential, Tenant
from cache_admin.services.credentials import credentials_cipher
from cache_admin.services.members import set_member
from tests.cache_admin.builders import ROBOT, make_user

pytestmark = pytest.mark.django_db


def _json(*args: str) -> Any:
    output = StringIO()
    call_command(*args, "--json", stdout=output)
    return msgspec.json.decode(output.getvalue())


def _text(*args: str) -> str:
    output = StringIO()
    call_command(*args, stdout=output)
    return output.getvalue()


def test_set_member__new_name__account_with_the_password_printed(acme: Tenant) -> None:
    made = _json("set_member", "acme", "viewer", "viewer")

    user = User.objects.get(username="viewer")
    assert user.check_password(made["password"])
    assert Tenant.objects.visible_to(user).get() == acme


def test_set_member__known_name__role_without_a_password(acme: Tenant) -> None:
    make_user("viewer")

    made = _json("set_member", "acme", "viewer", "curator")

    assert made == {"tenant": "acme", "username": "viewer", "role": "curator"}
    assert AuditEntry.objects.latest("pk").actor_label == "manage.py set_member"


@pytest.mark.parametrize("name", ["two words", "x" * 151])
def test_set_member__name_no_account_can_have__refused(acme: Tenant, name: str) -> None:
    with pytest.raises(CommandError, match="username"):
        _text("set_member", "acme", name, "viewer")

    assert not User.objects.exists()


@pytest.mark.parametrize("args", [("viewer",), ("viewer", "curator", "--remove")])
def test_set_member__neither_or_both__refused(acme: Tenant, args: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="either a role or --remove"):
        _text("set_member", "acme", *args)


def test_set_member__removed__sees_the_tenant_no_more(acme: Tenant) -> None:
    user = make_user("viewer")
    set_member(tenant=acme, actor=ROBOT, user=user, role="viewer")

    _text("set_member", "acme", "viewer", "--remove")

    assert not Tenant.objects.visible_to(user).exists()
    assert AuditEntry.objects.latest("pk").changes["role"] == ["viewer", None]


def test_set_member__removed_but_no_member__refused(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="not a member"):
        _text("set_member", "acme", "outsider", "--remove")


@pytest.mark.parametrize("args", [("--remove",), ("viewer",)])
def test_set_member__last_owner_to_go__refused(acme: Tenant, args: tuple[str, ...]) -> None:
    set_member(tenant=acme, actor=ROBOT, user=make_user("owner"), role="owner")

    with pytest.raises(CommandError, match="last owner"):
        _text("set_member", "acme", "owner", *args)

    assert Membership.objects.get().role == "owner"


def test_set_member__one_of_two_owners__may_go(acme: Tenant) -> None:
    for name in ("owner", "other"):
        set_member(tenant=acme, actor=ROBOT, user=make_user(name), role="owner")

    _text("set_member", "acme", "owner", "--remove")

    assert Membership.objects.get().user.username == "other"


def test_set_credential__key_on_stdin__stored(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("sk-very-secret-1234\n"))

    said = _text("set_credential", "acme", "openai", "--base-url", "https://proxy.example/v1")

    row = ProviderCredential.objects.get()
    cipher = credentials_cipher(settings.CREDENTIALS_KEY)
    assert cipher.decrypt(row.secret) == b"sk-very-secret-1234"
    assert "very-secret" not in said


def test_set_credential__nothing_on_stdin__refused(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(""))

    with pytest.raises(CommandError, match="too short"):
        _text("set_credential", "acme", "openai")


def test_set_route__new__in_the_targets_group(acme: Tenant) -> None:
    made = _json("set_route", "acme", "gpt-4*", "gpt-4o-mini")

    assert made == {"model": "gpt-4*", "target_model": "gpt-4o-mini", "group": "gpt-4o-mini"}


def test_set_route__again__replaced(acme: Tenant) -> None:
    _text("set_route", "acme", "gpt-4*", "gpt-4o-mini")

    _text("set_route", "acme", "gpt-4*", "gpt-4o", "--group", "large")

    row = ModelRoute.objects.get()
    assert (row.target_model, row.group, row.version) == ("gpt-4o", "large", 2)


@pytest.mark.parametrize(("model", "target"), [("g*t", "gpt-4o"), ("", "gpt-4o"), ("gpt-4", " ")])
def test_set_route__nonsense__refused(acme: Tenant, model: str, target: str) -> None:
    with pytest.raises(CommandError):
        _text("set_route", "acme", model, target)
