"""Bringing revisions to the runtimes through Redis.

The body of a revision is written once under its own key; the pointer names the current one and only
moves forward; the pub/sub message is a hint. Redis may be away or may have lost its data: nothing
here fails a save, and `push_pending` puts right what is missing.
"""

from __future__ import annotations

import logging

import redis
from django.utils import timezone

from cache_admin.models import Revision
from cache_admin.redis import redis_client
from routing import redis_names

logger = logging.getLogger(__name__)

_KEEP_OLD_BODY_SECONDS = 300
"""Time for runtimes that are just reading it; the database keeps older ones."""

_ADVANCE = """
local current = redis.call('GET', KEYS[1]) or ''
local number = tonumber(string.match(current, '^%d+') or '0')
if number < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[2])
end
return current
"""
"""Moves the pointer forward and never back; returns what it was."""


def push_revision(number: int) -> bool:
    """Make revision `number` the current one; True when the runtimes can now read it or a later.

    False when Redis does not answer, or holds a pointer that this database did not write; both are
    logged and the revision stays unpushed.
    """
    revision = Revision.objects.defer("diff").get(number=number)
    try:
        done = _push(redis_client(), revision)
    except redis.RedisError as error:
        logger.warning("revision.push_failed number=%d reason=%s", number, error)
        return False
    if done:
        Revision.objects.filter(number__lte=number, pushed_at=None).update(pushed_at=timezone.now())
    return done


def push_pending() -> int:
    """Push the latest revision unless Redis already has it whole; how many were pushed (0 or 1)."""
    latest = Revision.objects.order_by("-number").defer("body", "diff").first()
    if latest is None:
        return 0
    client = redis_client()
    try:
        pointer = client.get(redis_names.SNAPSHOT_POINTER)
        has_body = client.exists(redis_names.snapshot_body(latest.number))
    except redis.RedisError as error:
        logger.warning("revision.push_failed number=%d reason=%s", latest.number, error)
        return 0
    if pointer == _pointer(latest).encode() and has_body and latest.pushed_at is not None:
        return 0
    return int(push_revision(latest.number))


def pushed_pointer() -> tuple[int, str]:
    """Number and digest of what Redis holds as current, 0 when none. Raises redis.RedisError."""
    pointer = redis_client().get(redis_names.SNAPSHOT_POINTER)
    digest = bytes(pointer).partition(b":")[2] if isinstance(pointer, bytes) else b""
    return _number(pointer), digest.decode("ascii", "replace")


def _push(client: redis.Redis, revision: Revision) -> bool:
    name, body = redis_names.snapshot_body(revision.number), revision.snapshot_body
    before = _number(client.get(redis_names.SNAPSHOT_POINTER))
    if not client.set(name, body, nx=True) and before < revision.number:
        # No runtime has been pointed to this number yet, so what stands there was never in force.
        client.set(name, body)
    advance = client.register_script(_ADVANCE)
    found = advance(keys=[redis_names.SNAPSHOT_POINTER], args=[revision.number, _pointer(revision)])
    was = _number(found)
    if was < revision.number:
        if was:
            client.expire(redis_names.snapshot_body(was), _KEEP_OLD_BODY_SECONDS)
        client.publish(redis_names.SNAPSHOT_CHANNEL, str(revision.number))
        return True
    if found == _pointer(revision).encode():
        client.persist(name)
        return True
    if was > revision.number:
        client.expire(name, _KEEP_OLD_BODY_SECONDS)
    return _is_ours(found)


def _is_ours(pointer: bytes) -> bool:
    """Whether a later revision of this database stands there."""
    number, _sep, digest = pointer.decode("ascii", "replace").partition(":")
    if Revision.objects.filter(number=int(number), digest=digest).exists():
        return True
    logger.error(
        "revision.pointer_ahead number=%s hint=%s",
        number,
        "Redis holds a revision that this database did not write; `manage.py publish` goes past it",
    )
    return False


def _pointer(revision: Revision) -> str:
    return f"{revision.number}:{revision.digest}"


def _number(pointer: bytes | str | None) -> int:
    text = bytes(pointer).partition(b":")[0] if isinstance(pointer, bytes) else b""
    return int(text) if text.isdigit() else 0
