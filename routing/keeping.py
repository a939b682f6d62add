"""Keeping what a provider answered: everything that is decided when nobody waits any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from routing.answer_groups import KnownAnswer, group_named, group_of
from routing.errors import CacheUnavailable
from routing.language import detect_language
from routing.layers.semantic import NEAREST_FOR_MARGIN
from routing.store.entries import EntryStore, Stored
from routing.types import Completion, Entry, StorePlan

Vector = NDArray[np.float32]

_PATIENCE_SECONDS = 5.0
"""Calls come first, but an answer that waits longer would hold up those that queue behind it."""

BEGINNING_CHARS = 800
"""Of an answer longer than the model reads, this much is embedded; what numbers, names and
negations the rest holds must agree all the same."""


class PatientEmbedder(Protocol):
    """What keeping needs of an embedding model."""

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        """L2-normalised float32 vectors, whenever the model has time for them; None for a text that
        is longer than it reads.

        Raises CacheUnavailable when the model fails.
        """


async def keep(
    plan: StorePlan,
    completion: Completion,
    *,
    store: EntryStore,
    embedder: PatientEmbedder,
    now: float,
) -> bool:
    """Store a complete answer where `plan` says; False when it was invalidated meanwhile.

    `now` is in epoch seconds. Raises CacheUnavailable when Redis or the model fails.
    """
    vector = await _question_vector(plan, embedder)
    answer_vector = await _answer_vector(plan, completion, embedder)
    group = await _group(plan, completion, vector, answer_vector, store=store)
    return await store.put(
        _entry(plan, completion, group=group, created=int(now)),
        vector=vector.tobytes() if vector is not None else None,
        rests_on=plan.rests_on,
        asked_at=plan.asked_at,
        answer_vector=(
            answer_vector.astype(np.float16).tobytes() if answer_vector is not None else None
        ),
    )


async def _question_vector(plan: StorePlan, embedder: PatientEmbedder) -> Vector | None:
    if plan.vector is None:
        return await _embedded(plan.query, embedder)
    return np.frombuffer(plan.vector, dtype=np.float32) if plan.vector else None


async def _answer_vector(
    plan: StorePlan, completion: Completion, embedder: PatientEmbedder
) -> Vector | None:
    if not plan.compares_answers or plan.answer_id or completion.message:
        return None
    vector = await _embedded(completion.text, embedder)
    if vector is None:
        vector = await _embedded(completion.text[:BEGINNING_CHARS], embedder)
    return vector


async def _embedded(text: str, embedder: PatientEmbedder) -> Vector | None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return (await embedder.embed_many([text]))[0]
    except TimeoutError as error:
        raise CacheUnavailable("embedding", "busy with calls for too long") from error


async def _group(
    plan: StorePlan,
    completion: Completion,
    vector: Vector | None,
    answer_vector: Vector | None,
    *,
    store: EntryStore,
) -> str:
    if plan.answer_id:
        return group_named(plan.answer_id)
    near: Sequence[Stored] = ()
    if vector is not None and answer_vector is not None:
        near = await store.neighbours(
            tenant=plan.tenant, partition=plan.partition, vector=vector, count=NEAREST_FOR_MARGIN
        )
    answer = completion.message.decode() or completion.text
    return group_of(answer, answer_vector, known=map(_known, near))


def _known(stored: Stored) -> KnownAnswer:
    vector = stored.answer_vector
    return KnownAnswer(
        text=stored.entry.answer,
        group=stored.entry.group,
        vector=vector.astype(np.float32) if vector is not None else None,
    )


def _entry(plan: StorePlan, completion: Completion, *, group: str, created: int) -> Entry:
    return Entry(
        entry_id=plan.entry_id,
        tenant=plan.tenant,
        partition=plan.partition,
        policy=plan.policy,
        query=plan.query,
        answer=completion.text,
        model=completion.model,
        created=created,
        expires=created + plan.ttl_seconds,
        revision=plan.revision,
        usage=completion.usage,
        cost_nanousd=completion.cost_nanousd,
        documents=plan.documents,
        tags=plan.tags,
        user=plan.user,
        message=completion.message,
        group=group,
        answer_language=detect_language(completion.text),
        asked_by=plan.asked_by,
        grace_seconds=plan.grace_seconds,
        base=plan.base,
    )
