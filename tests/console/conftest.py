"""Fixtures of the console's tests."""

from __future__ import annotations

import pytest
from django.test import Client

from cache_admin.models import Tenant
from controlplane.serve.plan import PROJECT_ROOT
from controlplane.serve.translations import compile_translations
from tests.console.builders import make_member, make_outsider, make_tenant


@pytest.fixture(scope="session", autouse=True)
def _translations() -> None:
    compile_translations(PROJECT_ROOT / "locale")


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme", name="Acme")


@pytest.fixture
def globex(db: None) -> Tenant:
    return make_tenant("globex", name="Globex")


@pytest.fixture
def owner(acme: Tenant) -> Client:
    return make_member(acme, role="owner")


@pytest.fixture
def operator(acme: Tenant) -> Client:
    return make_member(acme, role="operator")


@pytest.fixture
def curator(acme: Tenant) -> Client:
    return make_member(acme, role="curator")


@pytest.fixture
def viewer(acme: Tenant) -> Client:
    return make_member(acme, role="viewer")


@pytest.fixture
def outsider(db: None) -> Client:
    return make_outsider()
