"""Values that travel between the gateway, the engine and the store.

Structs rather than dataclasses: a frozen dataclass takes microseconds to make, and every call makes
several.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from routing.prices import Usage
from routing.telemetry.events import Layer, Result

Protocol = Literal["chat", "cache_api"]


class Controls(Struct, frozen=True):
    """What the app asks of the cache for this one call (`extra_body.cache` or ``x-cache-*``)."""

    policy: str | None = None
    bypass: bool = False
    no_store: bool = False
    ttl_seconds: int | None = None
    min_similarity: float | None = None
    user: str = ""
    tags: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    endpoint: str = ""
    explain: bool = False


class Call(Struct, frozen=True):
    """One app call as the engine sees it, whatever API it came through.

    `query` is the text that is matched and embedded. `context` is canonical JSON of everything
    else that shapes the answer; it goes into the partition and is never embedded.
    `bypass_reason` is set when the call cannot be answered from a cache at all.
    `plain_text` is False when the app asks for a shape that a curated text would break.
    """

    tenant: str
    protocol: Protocol
    model: str
    query: str
    context: bytes
    controls: Controls = Controls()
    bypass_reason: str = ""
    plain_text: bool = True


class Entry(Struct, frozen=True, omit_defaults=True):
    """A stored answer and where it came from. Times are epoch seconds, expiry is absolute."""

    entry_id: str
    tenant: str
    partition: str
    policy: str
    query: str
    answer: str
    model: str
    created: int
    expires: int
    revision: int
    usage: Usage = Usage()
    cost_nanousd: int = 0
    documents: Mapping[str, str] = {}
    tags: tuple[str, ...] = ()
    user: str = ""


class Answer(Struct, frozen=True):
    """What a layer serves instead of the provider."""

    text: str
    layer: Layer
    similarity: float
    entry_id: str
    age_seconds: int
    ttl_seconds: int
    model: str
    usage: Usage
    cost_nanousd: int


class Neighbour(Struct, frozen=True, omit_defaults=True):
    """One of the nearest entries and why it was, or was not, served."""

    entry: str
    similarity: float
    verdict: str


class LayerVerdict(Struct, frozen=True, omit_defaults=True):
    """What one layer said of the call."""

    layer: Layer
    result: Result
    reason: str = ""


class Decision(Struct, frozen=True, omit_defaults=True):
    """The decision record: each layer's verdict, the nearest entries, what would flip it."""

    result: Result
    layer: Layer
    revision: int
    policy: str = ""
    partition: str = ""
    similarity: float | None = None
    min_similarity: float | None = None
    flips_at: float | None = None
    layers: tuple[LayerVerdict, ...] = ()
    nearest: tuple[Neighbour, ...] = ()


class StorePlan(Struct, frozen=True):
    """Where and how the provider's answer to a miss is kept. Made by the lookup, used once.

    `vector` is float32 bytes; empty when the text has none, and the entry is then found exactly or
    not at all; None when it has yet to be made.
    """

    tenant: str
    partition: str
    entry_id: str
    policy: str
    query: str
    vector: bytes | None
    ttl_seconds: int
    documents: Mapping[str, str]
    tags: tuple[str, ...]
    user: str
    revision: int


class Lookup(Struct, frozen=True):
    """Outcome of the cache layers: an answer, or a miss that may be stored.

    `lookup_us` is the whole time spent, `embedding_us` the part that made the vector.
    """

    decision: Decision
    answer: Answer | None = None
    plan: StorePlan | None = None
    lookup_us: int = 0
    embedding_us: int = 0


class Completion(Struct, frozen=True):
    """A complete answer from the provider (finish reason stop), fit to be stored."""

    text: str
    model: str
    usage: Usage
    cost_nanousd: int
