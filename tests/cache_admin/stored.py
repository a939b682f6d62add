"""Answers in the cache, stored the way the runtimes do it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import redis
from redis.asyncio import Redis

from cache_admin.models import Tenant
from routing.active import TENANT, policy_name
from routing.store.entries import EntryStore
from tests.routing.builders import entry

_VECTOR = np.array([1, 0], dtype=np.float32).tobytes()
_MINUTE, _HOUR = 60, 3_600


def keep_answer(
    url: str,
    tenant: Tenant,
    *,
    entry_id: str = "e1",
    policy: str = "",
    documents: Mapping[str, str] = {},
    **values: Any,
) -> None:
    """Store an answer that was asked for a minute ago and lives for an hour."""
    now = int(time.time())
    kept = msgspec.structs.replace(
        entry(),
        tenant=tenant.uid,
        entry_id=entry_id,
        policy=policy,
        created=now,
        expires=now + _HOUR,
        **values,
    )
    rests_on = {TENANT: str(tenant.generation), policy_name(policy): "1", **documents}

    async def put() -> None:
        async with Redis.from_url(url) as client:
            store = EntryStore(fast=client, patient=client, budget_seconds=2)
            await store.put(kept, vector=_VECTOR, rests_on=rests_on, asked_at=now - _MINUTE)

    asyncio.run(put())


def kept_answers(client: redis.Redis, tenant: Tenant) -> list[str]:
    """The ids of the answers that Redis still holds."""
    found: Any = client.keys(f"reprise:t:{tenant.uid}:{{*}}:e:*")
    return sorted(key.decode().rpartition(":")[2] for key in found)
