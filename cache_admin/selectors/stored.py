"""What the cache holds, as the runtimes' store tells it. None where Redis does not answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import redis
from redis.asyncio import Redis

from cache_admin.models import Document, InvalidationKind, Policy, Tenant
from cache_admin.redis import ask_redis
from routing import upkeep

logger = logging.getLogger(__name__)

AnswerT = TypeVar("AnswerT")
Preview = upkeep.Preview


@dataclass(frozen=True, slots=True)
class StoredSize:
    """How much a tenant keeps: bytes by the mean of a sample; `entries` counted when `exact`."""

    entries: int
    bytes: int
    exact: bool


def document_preview(document: Document, *, version: int | None = None) -> Preview | None:
    """The live entries that rest on `version` (default: the current one) of `document`."""
    number = document.current_version if version is None else version
    return _asked(
        partial(
            upkeep.preview_document,
            tenant=document.tenant.uid,
            document=document.slug,
            version=number,
        )
    )


def policy_preview(policy: Policy) -> Preview | None:
    """The live entries that clearing `policy` would retire."""
    return _asked(
        partial(
            upkeep.preview_policy,
            tenant=policy.tenant.uid,
            policy=policy.uid,
            generation=policy.generation,
        )
    )


def tenant_preview(tenant: Tenant) -> Preview | None:
    """The live entries that clearing `tenant` would retire."""
    return _asked(partial(upkeep.preview_tenant, tenant=tenant.uid, generation=tenant.generation))


def removal_preview(tenant: Tenant, *, kind: str, target: str) -> Preview | None:
    """The live entries that removing `target`, which there is, would concern."""
    match InvalidationKind(kind):
        case InvalidationKind.TENANT:
            return tenant_preview(tenant)
        case InvalidationKind.POLICY:
            return policy_preview(Policy.objects.for_tenant(tenant).get(name=target))
        case InvalidationKind.DOCUMENT:
            return document_preview(Document.objects.for_tenant(tenant).get(slug=target))
        case InvalidationKind.TAG:
            return _counted(partial(upkeep.preview_tag, tenant=tenant.uid, tag=target))
        case InvalidationKind.USER:
            return _counted(partial(upkeep.preview_user, tenant=tenant.uid, user=target))
        case InvalidationKind.ENTRY:
            return Preview(partitions=1, entries=1, exact=True)


def stored_size(tenant: Tenant) -> StoredSize | None:
    """How much `tenant` keeps."""
    size = _asked(partial(upkeep.usage, tenant=tenant.uid))
    return None if size is None else StoredSize(size.entries, size.bytes, size.exact)


def _counted(question: Callable[[Redis], Awaitable[int]]) -> Preview | None:
    count = _asked(question)
    return None if count is None else Preview(partitions=0, entries=count, exact=True)


def _asked(question: Callable[[Redis], Awaitable[AnswerT]]) -> AnswerT | None:
    try:
        return ask_redis(question)
    except redis.RedisError as error:
        logger.warning("stored.unknown reason=%s", error)
        return None
