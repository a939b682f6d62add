"""Guessing passwords gets slower and slower."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import redis
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from tests.console.builders import PASSWORD
from tests.console.pages import text

RIGHT = {"username": "owner", "password": PASSWORD}
WRONG = {"username": "owner", "password": "a wrong guess"}


@pytest.fixture(autouse=True)
def _no_failures_before() -> Iterator[None]:
    caches["default"].clear()
    yield
    caches["default"].clear()


@pytest.fixture(autouse=True)
def _owner(db: None) -> None:
    User.objects.create_user("owner", password=PASSWORD)


@pytest.fixture
def shared_cache(settings: Settings, redis_url: str) -> None:
    """The shared cache on a real Redis."""
    changed = {**settings.CACHES, "shared": {**settings.CACHES["shared"], "LOCATION": redis_url}}
    settings.CACHES = changed


def guess(times: int, *, address: str = "192.0.2.1") -> Client:
    client = Client(REMOTE_ADDR=address)
    for _time in range(times):
        client.post("/login/", WRONG)
    return client


def test_login__four_failures__right_password_opens() -> None:
    assert guess(4).post("/login/", RIGHT).status_code == 302


def test_login__fifth_failure__says_how_long_to_wait() -> None:
    page = text(guess(4).post("/login/", WRONG))

    assert "Too many failed attempts. Wait 5 s before the next one." in page


def test_login__during_the_pause__even_the_right_password_waits() -> None:
    response = guess(5).post("/login/", RIGHT)

    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 6


def test_login__shared_cache__counted_for_all_processes(shared_cache: None) -> None:
    guess(5)
    caches["default"].clear()

    assert guess(0).post("/login/", RIGHT).status_code == 429


def test_login__pause_over__next_failure_doubles_it(
    shared_cache: None, redis_client: redis.Redis
) -> None:
    client = guess(5)
    _end_pause(redis_client)

    assert "Wait 10 s" in text(client.post("/login/", WRONG))


def test_login__right_password_after_a_pause__failures_forgotten(
    shared_cache: None, redis_client: redis.Redis
) -> None:
    client = guess(5)
    _end_pause(redis_client)
    client.post("/login/", RIGHT)
    client.post("/logout/")

    assert "Too many" not in text(client.post("/login/", WRONG))


def test_login__another_address__not_held_up() -> None:
    guess(6, address="192.0.2.1")

    assert Client(REMOTE_ADDR="192.0.2.2").post("/login/", RIGHT).status_code == 302


def test_login__behind_a_trusted_proxy__its_word_for_the_address(settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for number in range(5):
        invented = f"198.51.100.{number}, 203.0.113.7"
        Client().post("/login/", WRONG, headers={"X-Forwarded-For": invented})

    response = Client().post("/login/", RIGHT, headers={"X-Forwarded-For": "203.0.113.7"})

    assert response.status_code == 429


def test_login__failure__logged_without_what_was_typed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Client().post("/login/", {"username": "my secret phrase", "password": "a wrong guess"})

    assert "user.login_failed user=unknown address=127.0.0.1" in caplog.messages
    assert "secret phrase" not in caplog.text
    assert "wrong guess" not in caplog.text


def _end_pause(client: redis.Redis) -> None:
    client.delete(*client.scan_iter("*paused_until*"))
