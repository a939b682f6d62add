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

KEY_VERSION = 1
"""Raise it when the meaning of a part changes: old entries become unreachable and expire."""

_DIGEST_BYTES = 16


class PartitionParts(Struct, frozen=True):
    """Everything two calls must share before they may share an answer.

    `context` is the digest of the canonical context; `user` is None when the policy's scope is the
    tenant; `documents` maps each document the answer rests on to its version.
    """

    tenant: str
    policy: str
    protocol: str
    context: str
    model_group: str
    documents: Mapping[str, str]
    user: str | None
    embedding_model: str
    key_version: int = KEY_VERSION


def partition_name(parts: PartitionParts) -> str:
    """128-bit digest (hex) of the parts' canonical JSON."""
    return _digest(msgspec.json.encode(parts, order="deterministic"))


def context_digest(context: bytes) -> str:
    """128-bit digest (hex) of a call's canonical context."""
    return _digest(context)


def entry_id(query: str) -> str:
    """Place of `query` inside its partition: 128-bit digest (hex) of its normalised text."""
    return _digest(normalize_query(query).encode())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()
