"""How long an operator's save takes until the runtime answers by it."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import django
from cryptography.fernet import Fernet

from bench.gateway import chat_request
from bench.load import Connection, Request, quantile_ms
from bench.stack import Stack

if TYPE_CHECKING:
    from cache_admin.models import Policy

_QUESTION = "How do I reset my password?"
_LIMIT_SECONDS = 10


def run(*, saves: int) -> dict[str, Any]:
    """Save a threshold `saves` times; times from before the save to the first answer under it."""
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
    from cache_admin.models import Policy, Revision

    policy = Policy.objects.get(name="frequent-faq")
    request: Request = replace(chat_request(_QUESTION), key=key)
    data = request.encode("127.0.0.1")
    connection.exchange(data)
    saved, in_force = [], []
    for number in range(saves):
        started = time.perf_counter()
        _save(policy, Decimal("0.80") + Decimal(number % 15) / 100)
        saved.append(time.perf_counter() - started)
        expected = str(Revision.objects.latest("number").number)
        while connection.exchange(data).header("x-snapshot-revision") != expected:
            if time.perf_counter() - started > _LIMIT_SECONDS:
                raise TimeoutError(f"revision {expected} is not in force")
        in_force.append(time.perf_counter() - started)
    return saved, in_force


def _save(policy: Policy, min_similarity: Decimal) -> None:
    from cache_admin.services.actor import Actor
    from cache_admin.services.policies import spec_of, update_policy

    policy.refresh_from_db()
    update_policy(
        policy=policy,
        actor=Actor.system("bench"),
        spec=replace(spec_of(policy), min_similarity=min_similarity),
        expected_version=None,
    )
