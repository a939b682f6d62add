"""Slowing down whoever guesses passwords."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from dataclasses import dataclass

import redis
from django.contrib.auth.models import User
from django.core.cache import BaseCache, caches

logger = logging.getLogger(__name__)

_FREE_ATTEMPTS = 5
_FIRST_PAUSE_SECONDS = 5
_LONGEST_PAUSE_SECONDS = 15 * 60
_REMEMBERED_SECONDS = 60 * 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """Someone at `address` says to be `username`."""

    username: str
    address: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether the attempt may go on; until the next one, if it fails, `wait_seconds` must pass."""

    allowed: bool
    wait_seconds: int


def take_turn_to_log_in(attempt: Attempt) -> Turn:
    """Count the attempt before its password is looked at, so that many at once gain nothing.

    Five are free, then every one doubles the pause, from 5 seconds up to 15 minutes; an hour of
    peace or a right password ends it. Counted in Redis for all processes of the console, in this
    process alone while Redis is away.
    """
    try:
        turn = _turn(caches["shared"], attempt)
    except redis.RedisError as error:
        logger.warning("user.login_brake_local reason=%s", error)
        turn = _turn(caches["default"], attempt)
    if not turn.allowed:
        logger.warning(
            "user.login_refused address=%s seconds=%d", attempt.address, turn.wait_seconds
        )
    return turn


def login_failed(attempt: Attempt) -> None:
    """Leave a trace of a wrong password."""
    # A name that is no account's may be a password, typed into the wrong field.
    user = User.objects.filter(username=attempt.username).values_list("pk", flat=True).first()
    logger.warning("user.login_failed user=%s address=%s", user or "unknown", attempt.address)


def login_succeeded(attempt: Attempt) -> None:
    """Forget the failures before."""
    names = [_key("attempts", attempt), _key("paused_until", attempt)]
    caches["default"].delete_many(names)
    try:
        caches["shared"].delete_many(names)
    except redis.RedisError as error:
        logger.warning("user.login_brake_local reason=%s", error)


def _turn(cache: BaseCache, attempt: Attempt) -> Turn:
    paused_until, attempts = _key("paused_until", attempt), _key("attempts", attempt)
    now = time.time()
    if (until := cache.get(paused_until)) is not None and until > now:
        return Turn(allowed=False, wait_seconds=math.ceil(until - now))
    cache.add(attempts, 0, timeout=_REMEMBERED_SECONDS)
    count = cache.incr(attempts)
    cache.touch(attempts, timeout=_REMEMBERED_SECONDS)
    if count < _FREE_ATTEMPTS:
        return Turn(allowed=True, wait_seconds=0)
    pause = _pause_seconds(count)
    # Whole numbers: those a cache keeps as they are, anything else it would pickle.
    alone = cache.add(paused_until, math.ceil(now) + pause, timeout=pause)
    return Turn(allowed=alone, wait_seconds=pause)


def _pause_seconds(count: int) -> int:
    doublings = min(count - _FREE_ATTEMPTS, 20)
    return min(_FIRST_PAUSE_SECONDS << doublings, _LONGEST_PAUSE_SECONDS)


def _key(name: str, attempt: Attempt) -> str:
    """Without the user name in clear: it may be a password."""
    identity = f"{attempt.username.casefold()}\0{attempt.address}"
    return f"login:{name}:{hashlib.sha256(identity.encode()).hexdigest()}"
