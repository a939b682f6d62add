"""Reads that many calls make at the same moment, sent to Redis together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from routing.store.patience import Patience


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    field: str
    answer: asyncio.Future[bytes | None]


class BatchedReader:
    """Reads hash fields in batches: while one batch is under way, the next one gathers.

    Under load this costs a fraction of a round trip for each call. `seconds` is the longest that a
    read may take, waiting for its batch included.
    """

    def __init__(self, redis: Redis, *, seconds: float) -> None:
        self._redis = redis
        self._seconds = seconds
        self._waiting: list[_Asked] = []
        self._waited = 0.0
        self._sending: asyncio.Task[None] | None = None

    async def hget(self, name: str, field: str) -> bytes | None:
        """The value of `field` in the hash `name`, None when there is none.

        Raises TimeoutError, or what the client raised.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked(name, field, loop.create_future())
        self._waiting.append(asked)
        if self._sending is None:
            self._sending = loop.create_task(self._send())
        return await asked.answer

    async def _send(self) -> None:
        self._waited = 0.0
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._answer(batch)
        finally:
            self._sending = None

    async def _answer(self, batch: list[_Asked]) -> None:
        # All of the batch came while the one before was under way, and have waited for it.
        patience = Patience(self._seconds - self._waited)
        allowed = patience.left
        try:
            values = await patience.wait(self._fetch(batch))
        except BaseException as error:
            # Those who queued behind have waited for the same Redis; they do not wait again. And
            # whatever went wrong, nobody may be left waiting for ever.
            failed, self._waiting = [*batch, *self._waiting], []
            for asked in failed:
                if not asked.answer.done():
                    asked.answer.set_exception(_told(error))
            if not isinstance(error, Exception):
                raise
            return
        self._waited = allowed - patience.left
        for asked, value in zip(batch, values, strict=True):
            if asked.answer.done():
                continue
            if isinstance(value, Exception):
                asked.answer.set_exception(value)
            else:
                asked.answer.set_result(value)

    async def _fetch(self, batch: list[_Asked]) -> list[bytes | Exception | None]:
        if len(batch) == 1:
            value = await self._redis.hget(batch[0].name, batch[0].field)
            return [cast("bytes | None", value)]
        pipe = self._redis.pipeline(transaction=False)
        for asked in batch:
            pipe.hget(asked.name, asked.field)
        return await pipe.execute(raise_on_error=False)


def _told(error: BaseException) -> Exception:
    """What those who wait are told; a cancelled batch must not cancel them."""
    return error if isinstance(error, Exception) else TimeoutError("reading was stopped")
