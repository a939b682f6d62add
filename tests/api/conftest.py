"""People, tenants and clients of the operators' API."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from rest_framework.test import APIClient

from cache_admin.models import Membership, Role, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.keys import create_key
from cache_admin.services.tenants import create_tenant

SETUP = Actor.system("setup")


@pytest.fixture(autouse=True)
def _fresh_throttle() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def acme(db: None) -> Tenant:
    return create_tenant(actor=SETUP, slug="acme", name="Acme", language="en", owner=None)


@pytest.fixture
def globex(db: None) -> Tenant:
    return create_tenant(actor=SETUP, slug="globex", name="Globex", language="en", owner=None)


def member(tenant: Tenant, role: Role) -> User:
    user = User.objects.create_user(username=role.value)
    Membership.objects.create(tenant=tenant, user=user, role=role)
    return user


def signed_in(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def owner(acme: Tenant) -> APIClient:
    return signed_in(member(acme, Role.OWNER))


@pytest.fixture
def operator(acme: Tenant) -> APIClient:
    return signed_in(member(acme, Role.OPERATOR))


@pytest.fixture
def curator(acme: Tenant) -> APIClient:
    return signed_in(member(acme, Role.CURATOR))


@pytest.fixture
def viewer(acme: Tenant) -> APIClient:
    return signed_in(member(acme, Role.VIEWER))


@pytest.fixture
def outsider(globex: Tenant) -> APIClient:
    user = User.objects.create_user(username="outsider")
    Membership.objects.create(tenant=globex, user=user, role=Role.OWNER)
    return signed_in(user)


@pytest.fixture
def superuser(db: None) -> APIClient:
    return signed_in(User.objects.create_superuser(username="root"))


@pytest.fixture
def with_key(acme: Tenant) -> Callable[..., APIClient]:
    """Makes a client that shows a fresh key of acme with the scopes named."""

    def make(*scopes: str) -> APIClient:
        key = create_key(tenant=acme, actor=SETUP, name="automation", scopes=scopes)
        return bearer(key.text)

    return make


def bearer(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client
