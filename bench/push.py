"""How long an operator's save takes until the runtime answers by it."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import django
from cryptography.fernet import Fernet

from bench.gateway import chat_request
from bench.load import Connection, Request, quantile_ms
from bench.stack import Stack

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from cache_admin.models import Policy

_QUESTION = "How do I reset my password?"
_REPHRASED = "How can I reset my password?"
_REDIRECT = 302
_LIMIT_SECONDS = 10


def run(*, saves: int) -> dict[str, Any]:
    """Save a threshold `saves` times in the console's form.

    Times from sending the form to the console's answer, and to the first call that obeys.
    """
    with Stack() as stack:
        redis_url = stack.start_redis()
        key = _start_control_plane(stack, redis_url)
        runtime_port = stack.start_runtime(sandbox_port=stack.start_sandbox())
        connection = Connection(runtime_port)
        try:
            saved, in_force = _time_saves(connection, key=key, saves=saves)
        finally:
            connection.close()
    return {
        "bench": "push",
        "saves": saves,
        "save_p50_ms": quantile_ms(saved, 0.5),
        "save_p99_ms": quantile_ms(saved, 0.99),
        "in_force_p50_ms": quantile_ms(in_force, 0.5),
        "in_force_p99_ms": quantile_ms(in_force, 0.99),
        "in_force_max_ms": quantile_ms(in_force, 1.0),
        "budget_p99_ms": 250,
    }


def _start_control_plane(stack: Stack, redis_url: str) -> str:
    """Set up Django on a database of its own with one tenant; returns its app key."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="controlplane.settings",
        DATABASE_URL=f"sqlite:///{stack.directory / 'db.sqlite3'}",
        DATA_DIR=str(stack.directory),
        REDIS_URL=redis_url,
        SECRET_KEY=secrets.token_urlsafe(32),
        CREDENTIALS_KEY=Fernet.generate_key().decode(),
        LOG_LEVEL="WARNING",
        ALLOWED_HOSTS="testserver",
        DEBUG="1",
    )
    django.setup()
    # Django's models can be imported only once it is set up.
    from django.core.management import call_command

    from cache_admin.services.actor import Actor
    from cache_admin.services.keys import create_key
    from cache_admin.services.tenants import create_tenant

    call_command("migrate", verbosity=0)
    actor = Actor.system("bench")
    tenant = create_tenant(actor=actor, slug="bench", name="Benchmark")
    return create_key(tenant=tenant, actor=actor, name="bench").text


def _time_saves(connection: Connection, *, key: str, saves: int) -> tuple[list[float], list[float]]:
    """Raise and lower the threshold by turns, in the console's form, and ask a re-phrasing until
    it turns from hit to miss and back."""
    from django.test import Client

    from cache_admin.models import Policy

    console = Client()
    console.force_login(_operator())
    policy = Policy.objects.get(name="frequent-faq")
    ask = partial(_layer, connection, key=key)
    _until(lambda: ask(_QUESTION) == "exact")
    page = f"/t/bench/policies/{policy.uid}/"
    console.get(page)  # An operator has the page open before saving it.
    saved, in_force = [], []
    for number in range(saves):
        min_similarity, expected = ("0.999", "none") if number % 2 == 0 else ("0.80", "semantic")
        policy.refresh_from_db()
        form = _form(policy, min_similarity=min_similarity)
        started = time.perf_counter()
        answer = console.post(page, form)
        saved.append(time.perf_counter() - started)
        if answer.status_code != _REDIRECT:
            raise RuntimeError(f"the console answered {answer.status_code} to the form")
        _until(partial(_is_answered_by, expected, ask))
        in_force.append(time.perf_counter() - started)
    return saved, in_force


def _is_answered_by(layer: str, ask: Callable[..., str]) -> bool:
    return ask(_REPHRASED, no_store=True) == layer


def _layer(connection: Connection, question: str, *, key: str, **controls: bool) -> str:
    request: Request = replace(chat_request(question, **controls), key=key)
    return connection.exchange(request.encode("127.0.0.1")).header("x-cache-layer")


def _until(holds: Callable[[], bool]) -> None:
    started = time.perf_counter()
    while not holds():
        if time.perf_counter() - started > _LIMIT_SECONDS:
            raise TimeoutError("the save is not in force")


def _form(policy: Policy, *, min_similarity: str) -> dict[str, str]:
    """The policy's form as a browser sends it back with another threshold."""
    return {
        "name": policy.name,
        "content_class": policy.content_class,
        "min_similarity": min_similarity,
        "min_margin": "0",
        "ttl_seconds_0": str(policy.ttl_seconds),
        "ttl_seconds_1": "s",
        "scope": policy.scope,
        "match_endpoints": "",
        "match_tags": "",
        "match_models": "",
        "priority": str(policy.priority),
        "enabled": "on",
        "version": str(policy.version),
    }


def _operator() -> User:
    from django.contrib.auth.models import User

    return User.objects.create_superuser("bench")
