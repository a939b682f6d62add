"""The one event that every call leaves behind. It carries no prompt and no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import uuid_utils
from msgspec import Struct

from routing.prices import Usage

Layer = Literal["faq", "exact", "semantic", "none"]
Result = Literal["hit", "miss", "bypass"]


class Avoided(Struct, frozen=True, omit_defaults=True):
    """Nano-USD this call did not cost, by the layer that saved it."""

    faq: int = 0
    exact: int = 0
    semantic: int = 0
    prompt_cache: int = 0
    routing: int = 0
    batch: int = 0
    compression: int = 0


class Stages(Struct, frozen=True, omit_defaults=True):
    """Where the time of a call went, in microseconds."""

    total: int = 0
    lookup: int = 0
    embedding: int = 0
    provider: int = 0


class Event(Struct, frozen=True, omit_defaults=True):
    """One finished call. `id` is a UUIDv7; `time_ms` is UTC epoch milliseconds.

    `status` is the HTTP status the app was given; `error` a stable code when it was not 2xx.
    `user` is the app's own name for its user, as given. `guards` vetoed a near entry.
    """

    id: str
    time_ms: int
    tenant: str
    key: str
    protocol: str
    layer: Layer
    result: Result
    status: int
    revision: int
    policy: str = ""
    endpoint: str = ""
    user: str = ""
    model_asked: str = ""
    model_used: str = ""
    provider: str = ""
    similarity: float | None = None
    margin: float | None = None
    guards: tuple[str, ...] = ()
    entry: str = ""
    reason: str = ""
    arm: str = ""
    stream: bool = False
    usage: Usage = Usage()
    cost_nanousd: int = 0
    avoided_nanousd: Avoided = Avoided()
    stages_us: Stages = Stages()
    error: str = ""


def new_event_id() -> str:
    """A fresh UUIDv7: ordered by time, unique across processes."""
    return str(uuid_utils.uuid7())


def encode_batch(events: Sequence[Event]) -> bytes:
    """msgpack array of `events`, the ``batch`` field of one stream entry."""
    return msgspec.msgpack.encode(events)


def decode_batch(blob: bytes) -> list[Event]:
    """The events in `blob`. Raises msgspec.MsgspecError on anything else."""
    return msgspec.msgpack.decode(blob, type=list[Event])
