"""Work that several callers of one process want at the same moment, done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Shared(Generic[K, T]):
    """Has the first caller of a key do the work; those who come meanwhile share its outcome."""

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Future[T]] = {}

    async def do(self, key: K, work: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The outcome of `work`, and whether it was begun before this caller came.

        Raises what the work raises. When the caller who does it is cancelled, the others do it
        themselves.
        """
        running = self._under_way.get(key)
        if running is None:
            return await self._begin(key, work), False
        # Waiting this way leaves the others alone when one who waits is cancelled.
        await asyncio.wait((running,))
        if running.cancelled():
            return await work(), False
        return running.result(), True

    async def _begin(self, key: K, work: Callable[[], Awaitable[T]]) -> T:
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            result = await work()
        except Exception as error:
            future.set_exception(error)
            # It is raised here in any case, though nobody else may have come for it.
            future.exception()
            raise
        else:
            future.set_result(result)
            return result
        finally:
            del self._under_way[key]
            future.cancel()
