from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from pytest_django import Settings

from cache_admin.checks import check_redis

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.django_db
def test_healthz__database_answers__ok() -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_healthz__post__refused() -> None:
    assert Client().post("/healthz").status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
    ],
)
def test_response__security_header__sent(header: str, value: str) -> None:
    assert Client().get("/healthz")[header] == value


@pytest.mark.django_db
def test_response__content_security_policy__strict() -> None:
    policy = Client().get("/healthz")["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_static_files__plotly__the_one_file() -> None:
    assert finders.find("vendor/plotly/plotly.min.js") is not None


@pytest.mark.parametrize("name", ["datasets/gapminder.csv.gz", "widgetbundle.js", "../__init__.py"])
def test_static_files__rest_of_plotly__not_served(name: str) -> None:
    assert finders.find(f"vendor/plotly/{name}") is None


def test_check__no_credentials_key__error_by_id(settings: Settings) -> None:
    settings.CREDENTIALS_KEY = ""

    with pytest.raises(SystemCheckError, match=r"reprise\.E001"):
        call_command("check")


def test_check__malformed_credentials_key__not_shown(settings: Settings) -> None:
    settings.CREDENTIALS_KEY = "far-too-short"

    with pytest.raises(SystemCheckError) as caught:
        call_command("check")

    assert "far-too-short" not in str(caught.value)


def test_check_redis__away__warning_by_id() -> None:
    assert [item.id for item in check_redis()] == ["reprise.W001"]


def test_check_redis__vector_sets__nothing_to_say(redis_url: str, settings: Settings) -> None:
    settings.REDIS_URL = redis_url

    assert check_redis() == []


@pytest.mark.django_db
def test_migrations__models__in_step() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_celery__serialisers__json_alone() -> None:
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]


def test_celery__every_entry__names_a_task_and_expires() -> None:
    from cache_admin import tasks
    from controlplane.celery import app

    assert tasks is not None
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] > 0


def test_settings__bad_value__start_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, "DEBUG": "perhaps"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode != 0
    assert "DEBUG='perhaps' is neither true nor false" in done.stderr
