"""Drops what carries a tag, as events ask for it: a little at once, the rest in the background,
and to the end even if the runtime that began it dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from routing import redis_names
from routing.store.books import CUT_SECONDS
from routing.store.removal import PAUSE_SECONDS, Remover

_ABANDONED_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many entries were removed, and whether none are left."""

    removed: int
    complete: bool


class TagDropper:
    """Removes entries by tag. Methods raise what the client raises. `clock` gives epoch seconds."""

    def __init__(self, redis: Redis, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._remover = Remover(redis)

    async def begin(self, tenant: str, tags: Sequence[str]) -> float:
        """Make the cut: from now on nothing is stored under `tags` that was asked before it.

        Returns it (epoch seconds). `drop` takes away what is stored already; until it has ended,
        the books say that there is something to do.
        """
        before = self._clock()
        async with self._redis.pipeline(transaction=False) as pipe:
            for tag in tags:
                pipe.hset(redis_names.unfinished(tenant), _note(tag, before), repr(before))
                pipe.set(redis_names.cut(tenant, f"tag:{tag}"), repr(before), ex=CUT_SECONDS)
            await pipe.execute()
        return before

    async def drop(
        self, tenant: str, tags: Sequence[str], *, before: float, seconds: float | None = None
    ) -> Dropped:
        """Remove what carries one of `tags` and was asked `before`; stops after `seconds`."""
        loop = asyncio.get_running_loop()
        deadline = None if seconds is None else loop.time() + seconds
        removed = 0
        for tag in tags:
            index = redis_names.tagged(tenant, tag)
            async for done in self._remover.remove_named(tenant, index, before=before):
                removed += done.count
                if deadline is None:
                    await asyncio.sleep(PAUSE_SECONDS)
                elif loop.time() > deadline:
                    return Dropped(removed, complete=False)
            await self._redis.hdel(redis_names.unfinished(tenant), _note(tag, before))
        return Dropped(removed, complete=True)

    async def finish_abandoned(self, tenant: str) -> int:
        """Drop what was begun some time ago and has not ended; returns the entries removed."""
        found = await self._redis.hgetall(redis_names.unfinished(tenant))
        removed = 0
        for note, began in cast("dict[bytes, bytes]", found).items():
            before = float(began)
            if before < self._clock() - _ABANDONED_SECONDS:
                tag = note.decode().partition(":")[2]
                removed += (await self.drop(tenant, (tag,), before=before)).removed
        return removed


def _note(tag: str, before: float) -> str:
    return f"{before!r}:{tag}"
