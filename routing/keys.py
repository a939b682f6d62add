"""What an answer is keyed by: the partition it may be found in, and its place inside.

Everything that decides whether an answer fits (tenant, user, context, document versions, policy,
model group, embedding model) is hashed into the partition's name and nothing of it is embedded, so
a different tenant or a new document version cannot be "similar enough".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from routing.normalize import normalize_query
from routing.snapshot import ContextRule, Conversation
from routing.types import Context

KEY_VERSION = 2
"""Raise it when the meaning of a part changes: old entries become unreachable and expire."""

_DIGEST_BYTES = 16


class PartitionParts(Struct, frozen=True):
    """Everything two calls must share before they may share an answer.

    `context` is the digest of what the policy counts of the context; `user` is None when the
    policy's scope is the tenant; `rests_on` maps each document the answer rests on, and the
    generations of tenant and policy, to its version; `language` is that of the question, empty
    when the policy does not tell languages apart.
    """

    tenant: str
    policy: str
    protocol: str
    context: str
    model_group: str
    rests_on: Mapping[str, str]
    user: str | None
    language: str
    embedding_model: str
    key_version: int = KEY_VERSION


def partition_name(parts: PartitionParts) -> str:
    """128-bit digest (hex) of all parts, the embedding model counted last."""
    return partition_under(base_name(parts), parts.embedding_model)


def base_name(parts: PartitionParts) -> str:
    """128-bit digest (hex) of the canonical JSON of every part but the embedding model.

    Kept with each entry, so that a copy of it can be put in its place under another model.
    """
    without_model = msgspec.structs.replace(parts, embedding_model="")
    return _digest(msgspec.json.encode(without_model, order="deterministic"))


def partition_under(base: str, embedding_model: str) -> str:
    """The partition of those parts (`base_name`) under an embedding model, by its id."""
    return _digest(f"{base}:{embedding_model}".encode())


def counted(context: Context, rule: ContextRule) -> Context:
    """`context` without the parts that `rule` leaves out."""
    return Context(
        system_prompt=context.system_prompt if rule.system_prompt else b"",
        tools=context.tools if rule.tools else b"",
        response_format=context.response_format if rule.response_format else b"",
        attachments=context.attachments if rule.attachments else b"",
        parameters=context.parameters if rule.parameters else b"",
        turns=_counted_turns(context.turns, rule),
        other=context.other,
    )


def context_digest(context: Context) -> str:
    """128-bit digest (hex) of what is `counted` of a context.

    Every part is written with its length, so that nothing can move from one part into the next.
    """
    parts = [
        context.other,
        context.system_prompt,
        context.tools,
        context.response_format,
        context.attachments,
        context.parameters,
        *context.turns,
    ]
    return _digest(b"".join(b"%d:%b" % (len(part), part) for part in parts))


def context_bytes(context: Context) -> int:
    """Size of the whole context, whatever a policy counts of it."""
    return sum(map(len, (*msgspec.structs.astuple(context)[:5], *context.turns, context.other)))


def entry_id(query: str) -> str:
    """Place of `query` inside its partition: 128-bit digest (hex) of its normalised text."""
    return _digest(normalize_query(query).encode())


def _counted_turns(turns: tuple[bytes, ...], rule: ContextRule) -> tuple[bytes, ...]:
    if rule.conversation is Conversation.FINGERPRINT:
        return turns
    if rule.conversation is Conversation.LAST_TURNS:
        return turns[-rule.last_turns :]
    return ()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()
