"""What the runtimes last said of themselves, as Redis has it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec

from cache_admin.redis import redis_client
from routing import redis_names
from routing.snapshot import Heartbeat

logger = logging.getLogger(__name__)


def heartbeats() -> tuple[Heartbeat, ...]:
    """The last word of every runtime that Redis remembers. Raises redis.RedisError."""
    return decoded_heartbeats(redis_client().hgetall(redis_names.RUNTIMES))


def decoded_heartbeats(blobs: Mapping[bytes | str, bytes | str]) -> tuple[Heartbeat, ...]:
    """Those of `blobs`, by instance, that are heartbeats; the others are logged."""
    return tuple(beat for name, blob in blobs.items() if (beat := _decoded(name, blob)))


def _decoded(name: bytes | str, blob: bytes | str) -> Heartbeat | None:
    try:
        return msgspec.json.decode(blob, type=Heartbeat)
    except msgspec.MsgspecError as error:
        logger.warning("runtime.bad_heartbeat instance=%r reason=%s", name, error)
        return None
