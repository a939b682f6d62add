"""A look at the entries themselves, not at any index of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec
from redis.asyncio import Redis

from routing import redis_names
from routing.types import Entry

_KEYS_AT_ONCE = 500
_DECODER = msgspec.msgpack.Decoder(Entry)


@dataclass(frozen=True, slots=True)
class Found:
    """An entry as it lies in Redis; `entry` is None when it cannot be read. `asked_at` is epoch
    seconds, 0 when it is not known."""

    partition: str
    entry_id: str
    entry: Entry | None
    asked_at: float


async def scan_entries(redis: Redis, tenant: str) -> AsyncIterator[tuple[Found, ...]]:
    """Every entry of `tenant`, by walking the whole key space in steps, of which many find none.

    One that is written or removed meanwhile may be missed. Raises what the client raises.
    """
    start = f"{redis_names.tenant_prefix(tenant)}:{{"
    pattern = f"{_escaped(start)}*}}:e:*"
    cursor = 0
    while True:
        cursor, keys = await redis.scan(cursor, match=pattern, count=_KEYS_AT_ONCE)
        async with redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(key, "e", "at")
            rows = cast("list[Sequence[bytes | None]]", await pipe.execute())
        named = (key.decode().removeprefix(start) for key in cast("list[bytes]", keys))
        yield tuple(
            _found(name, blob, asked_at)
            for name, (blob, asked_at) in zip(named, rows, strict=True)
            if blob is not None
        )
        if cursor == 0:
            return


def _found(name: str, blob: bytes, asked_at: bytes | None) -> Found:
    partition, _, entry_id = name.partition("}:e:")
    return Found(partition, entry_id, _decode(blob), float(asked_at or 0))


def _decode(blob: bytes) -> Entry | None:
    try:
        return _DECODER.decode(blob)
    except msgspec.MsgspecError:
        return None


def _escaped(text: str) -> str:
    """`text` as it stands for itself in a pattern of Redis."""
    return re.sub(r"([*?\[\]\\^])", r"\\\1", text)
