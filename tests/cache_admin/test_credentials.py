from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from pytest_django import Settings

from cache_admin.errors import InvalidInput
from cache_admin.models import AuditEntry, Revision, Tenant
from cache_admin.services.credentials import (
    credentials_cipher,
    remove_credential,
    set_credential,
)
from tests.cache_admin.builders import ROBOT

pytestmark = pytest.mark.django_db

SECRET = "sk-very-secret-1234"


def test_set_credential__stored__encrypted_with_a_hint(acme: Tenant) -> None:
    row = set_credential(tenant=acme, actor=ROBOT, provider="openai", secret=SECRET)

    assert row.hint == "1234"
    assert credentials_cipher(settings.CREDENTIALS_KEY).decrypt(row.secret) == SECRET.encode()


def test_set_credential__plain_text__nowhere(acme: Tenant) -> None:
    set_credential(tenant=acme, actor=ROBOT, provider="openai", secret=SECRET)

    revision, entry = Revision.objects.latest("number"), AuditEntry.objects.latest("pk")
    assert SECRET not in f"{revision.snapshot_body!r} {revision.diff} {entry.changes}"


def test_set_credential__token__not_in_the_diff(acme: Tenant) -> None:
    row = set_credential(tenant=acme, actor=ROBOT, provider="openai", secret=SECRET)

    assert row.secret not in str(Revision.objects.latest("number").diff)


def test_set_credential__again__replaces_it(acme: Tenant) -> None:
    set_credential(tenant=acme, actor=ROBOT, provider="openai", secret=SECRET)

    row = set_credential(tenant=acme, actor=ROBOT, provider="openai", secret="sk-other-5678")

    assert (acme.credentials.count(), row.hint) == (1, "5678")


def test_set_credential__rotated_key__old_tokens_still_open(
    acme: Tenant, settings: Settings
) -> None:
    row = set_credential(tenant=acme, actor=ROBOT, provider="openai", secret=SECRET)

    rotated = f"{Fernet.generate_key().decode()},{settings.CREDENTIALS_KEY}"

    assert credentials_cipher(rotated).decrypt(row.secret) == SECRET.encode()


@pytest.mark.parametrize(
    ("provider", "secret", "base_url", "field"),
    [
        ("unheard-of", SECRET, "", "provider"),
        ("openai", "short", "", "secret"),
        ("openai", SECRET, "not a url", "base_url"),
    ],
)
def test_set_credential__bad_value__refused_at_its_field(
    acme: Tenant, provider: str, secret: str, base_url: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        set_credential(
            tenant=acme, actor=ROBOT, provider=provider, secret=secret, base_url=base_url
        )

    assert set(caught.value.fields) == {field}


def test_remove_credential__stored__gone(acme: Tenant) -> None:
    row = set_credential(tenant=acme, actor=ROBOT, provider="openai", secret=SECRET)

    remove_credential(credential=row, actor=ROBOT)

    assert not acme.credentials.exists()


@pytest.mark.parametrize(
    "base_url",
    ["https://bob:hunter2@proxy.example/v1", "https://bob@proxy.example", "no address", "http://["],
)
def test_set_credential__unfit_address__refused(acme: Tenant, base_url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        set_credential(
            tenant=acme, actor=ROBOT, provider="openai", secret=SECRET, base_url=base_url
        )

    assert list(caught.value.fields) == ["base_url"]
    assert "hunter2" not in str(caught.value)
