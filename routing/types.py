"""Values that travel between the gateway, the engine and the store.

Structs rather than dataclasses: a frozen dataclass takes microseconds to make, and every call makes
several.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from routing.guards.comparison import Lexicon
from routing.prices import Usage
from routing.snapshot import GuardName, StoreRule
from routing.telemetry.events import Layer, Result

Protocol = Literal["chat", "cache_api"]


class Controls(Struct, frozen=True):
    """What the app asks of the cache for this one call (`extra_body.cache` or ``x-cache-*``).

    `answer_id` names the answer group of what will be stored: equal ids, interchangeable answers.
    `language` (two letters) is the app's word on the language of the question.
    """

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
    answer_id: str = ""
    language: str = ""


class Context(Struct, frozen=True):
    """Everything but the question that shapes an answer, part by part as canonical JSON.

    Empty where a part is absent. `turns` are the earlier messages, oldest first. `other` always
    counts. None of it is ever embedded.
    """

    system_prompt: bytes = b""
    tools: bytes = b""
    response_format: bytes = b""
    attachments: bytes = b""
    parameters: bytes = b""
    turns: tuple[bytes, ...] = ()
    other: bytes = b""


class Call(Struct, frozen=True):
    """One app call as the engine sees it, whatever API it came through.

    `query` is the text that is matched and embedded. `context` goes into the partition, as far as
    the policy says. `bypass_reason` is set when the call cannot be answered from a cache at all.
    `plain_text` is False when the app asks for a shape that a curated text would break.
    """

    tenant: str
    protocol: Protocol
    model: str
    query: str
    context: Context
    controls: Controls = Controls()
    bypass_reason: str = ""
    plain_text: bool = True


class Entry(Struct, frozen=True, omit_defaults=True):
    """A stored answer and where it came from. Times are epoch seconds, expiry is absolute.

    For `grace_seconds` past its expiry it is kept, to be served stale where the policy allows it.
    `message` is the assistant message as the provider sent it (JSON) when it is more than text.
    `group`: entries of one group hold interchangeable answers. `asked_by`: the user who caused it,
    whoever may be served. `answer_language`: two letters, empty when unsure. `base`: the partition
    before the embedding model is counted (`keys.base_name`).
    """

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
    message: bytes = b""
    group: str = ""
    answer_language: str = ""
    asked_by: str = ""
    grace_seconds: int = 0
    base: str = ""


class Answer(Struct, frozen=True):
    """What a layer serves instead of the provider. `ttl_seconds`: negative when it is stale."""

    text: str
    layer: Layer
    similarity: float
    entry_id: str
    age_seconds: int
    ttl_seconds: int
    model: str
    usage: Usage
    cost_nanousd: int
    message: bytes = b""
    group: str = ""


class Neighbour(Struct, frozen=True, omit_defaults=True):
    """One of the nearest entries and why it was, or was not, served.

    `verdict` is a word; of a guard it is ``guard_<name>``, and `detail` what it objects to.
    """

    entry: str
    similarity: float
    verdict: str
    detail: str = ""


class LayerVerdict(Struct, frozen=True, omit_defaults=True):
    """What one layer said of the call."""

    layer: Layer
    result: Result
    reason: str = ""


class Decision(Struct, frozen=True, omit_defaults=True):
    """The decision record: each layer's verdict, the nearest entries, what would flip it.

    `margin`: how much nearer the best entry is than the best with another answer, whose entry is
    `rival`. `probability`: what the policy's learned check says. `not_stored`: why the provider's
    answer was not kept.
    """

    result: Result
    layer: Layer
    revision: int
    policy: str = ""
    partition: str = ""
    similarity: float | None = None
    min_similarity: float | None = None
    flips_at: float | None = None
    margin: float | None = None
    min_margin: float | None = None
    rival: str = ""
    probability: float | None = None
    guards: tuple[str, ...] = ()
    layers: tuple[LayerVerdict, ...] = ()
    nearest: tuple[Neighbour, ...] = ()
    not_stored: str = ""


class StorePlan(Struct, frozen=True):
    """Where and how the provider's answer to a miss is kept. Made by the lookup, used once.

    `rests_on` maps what the answer rests on (documents, generations) to the version that makes it
    unreachable once it is no longer current. `asked_at` (epoch seconds): what has been invalidated
    since then must not be stored. `answer_id`: the app's own answer group.
    `compares_answers`: whether the policy needs to know which answers are the same.
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
    rules: StoreRule
    min_similarity: float
    disabled_guards: tuple[GuardName, ...] = ()
    lexicon: Lexicon = Lexicon()
    rests_on: Mapping[str, str] = {}
    asked_by: str = ""
    asked_at: float = 0.0
    answer_id: str = ""
    grace_seconds: int = 0
    embedding_model: str = ""
    base: str = ""
    single_flight: bool = True
    compares_answers: bool = False


class Lookup(Struct, frozen=True):
    """Outcome of the cache layers: an answer, or a miss that may be stored.

    An `answer` with a `plan` is stale and is to be renewed in the background. `stale` may be served
    when the provider fails.
    `lookup_us` is the whole time spent, `embedding_us` the part that made the vector.
    """

    decision: Decision
    answer: Answer | None = None
    plan: StorePlan | None = None
    stale: Answer | None = None
    lookup_us: int = 0
    embedding_us: int = 0


class Completion(Struct, frozen=True):
    """A complete answer from the provider. `message`: its JSON when it is more than text."""

    text: str
    model: str
    usage: Usage
    cost_nanousd: int
    message: bytes = b""
