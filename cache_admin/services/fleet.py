"""What is known of the runtimes."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import redis
from django.utils import timezone

from cache_admin.models import RuntimeInstance
from cache_admin.redis import redis_client
from cache_admin.selectors.heartbeats import heartbeats
from routing import redis_names
from routing.snapshot import Heartbeat

logger = logging.getLogger(__name__)

_FORGET_AFTER = timedelta(days=1)
_UPDATED = [
    "release",
    "revision",
    "embedding_model",
    "embedding_models",
    "redis_ok",
    "events_spooled",
    "error",
    "started_at",
    "last_seen_at",
]


def sync_runtimes() -> int:
    """Take over what the runtimes last said of themselves; how many are known now.

    Those silent for a day are forgotten. While Redis is away the rows stay as they are.
    """
    try:
        heard = heartbeats()
    except redis.RedisError as error:
        logger.warning("runtimes.sync_failed reason=%s", error)
        return RuntimeInstance.objects.count()
    forget_before = timezone.now() - _FORGET_AFTER
    live = [beat for beat in heard if beat.at >= forget_before]
    RuntimeInstance.objects.bulk_create(
        [_row(beat) for beat in live],
        update_conflicts=True,
        unique_fields=["instance"],
        update_fields=_UPDATED,
    )
    RuntimeInstance.objects.filter(last_seen_at__lt=forget_before).delete()
    if gone := {beat.instance for beat in heard} - {beat.instance for beat in live}:
        redis_client().hdel(redis_names.RUNTIMES, *gone)
    return len(live)


def _row(beat: Heartbeat) -> RuntimeInstance:
    return RuntimeInstance(
        instance=beat.instance[:120],
        release=beat.version[:40],
        revision=beat.revision,
        embedding_model=beat.embedding_model[:200],
        embedding_models=msgspec.to_builtins(beat.embedding_models),
        redis_ok=beat.redis_ok,
        events_spooled=beat.events_spooled,
        error=(beat.error or "")[:500],
        started_at=beat.started_at,
        last_seen_at=beat.at,
    )
