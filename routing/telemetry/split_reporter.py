"""Tells the control plane, through Redis, of policies whose calls cannot share answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing import redis_names
from routing.splits import SplitWatch, encode_report

logger = logging.getLogger(__name__)

_ROUND_SECONDS = 5.0
_KEPT_SECONDS = 60
"""A report that is not renewed is no longer true."""


async def report_splits(
    redis: Redis, watch: SplitWatch, *, on_error: Callable[[str], None]
) -> None:
    """Write what `watch` has found every few seconds, for ever; cancel to stop."""
    while True:
        await asyncio.sleep(_ROUND_SECONDS)
        try:
            await write_splits(redis, watch)
        except (RedisError, OSError, TimeoutError) as error:
            on_error("splits")
            logger.warning("splits.unreported error=%s", error)
        except Exception:
            # The edge of a background task: it must not end for one bad round.
            on_error("splits")
            logger.exception("splits.failed")


async def write_splits(redis: Redis, watch: SplitWatch) -> None:
    """Write what `watch` has found now. Raises RedisError, OSError or TimeoutError."""
    for report in watch.reports(now=time.time()):
        name = redis_names.split(report.tenant, report.policy)
        await redis.set(name, encode_report(report), ex=_KEPT_SECONDS)
