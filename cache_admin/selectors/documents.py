"""What rests on a document."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import redis

from cache_admin.models import Document, Policy
from cache_admin.redis import redis_client
from routing import redis_names

logger = logging.getLogger(__name__)

_PARTITIONS_A_TRIP = 500


@dataclass(frozen=True, slots=True)
class BumpPreview:
    """What a bump would do; `entries` is None when Redis does not answer."""

    document: Document
    entries: int | None
    policies: tuple[Policy, ...]


def entries_resting_on(document: Document, *, version: int | None = None) -> int | None:
    """How many live entries rest on `version` (default: the current one) of `document`.

    None when Redis does not answer. Expired entries are not counted.
    """
    number = document.current_version if version is None else version
    tenant = document.tenant.uid
    client = redis_client()
    name = redis_names.document_partitions(tenant, document.slug, str(number))
    now, total = int(time.time()), 0
    try:
        partitions = [raw.decode() for raw in client.sscan_iter(name, count=_PARTITIONS_A_TRIP)]
        for start in range(0, len(partitions), _PARTITIONS_A_TRIP):
            with client.pipeline(transaction=False) as pipe:
                for partition in partitions[start : start + _PARTITIONS_A_TRIP]:
                    pipe.zcount(redis_names.expiries(tenant, partition), f"({now}", "+inf")
                total += sum(pipe.execute())
    except redis.RedisError as error:
        logger.warning("document.count_failed uid=%s reason=%s", document.uid, error)
        return None
    return total


def bump_preview(document: Document) -> BumpPreview:
    """The entries and the policies that a bump of `document` would concern."""
    policies = document.policies.filter(enabled=True).order_by("-priority", "name")
    return BumpPreview(document, entries_resting_on(document), tuple(policies))
