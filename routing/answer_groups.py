"""Which stored answers are the same answer in other words.

The margin asks for the nearest *different* answer, so two re-phrasings of one answer must not be
rivals. Decided once, when an entry is stored and nobody waits: entries share a group when the app
says so, when their texts are equal, or when the texts mean the same and agree in every number, name
and negation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from routing.guards.statements import statements_differ
from routing.normalize import normalize_query

SAME_ANSWER = 0.90
"""Cosine from which two answers may be one (mission.md takes the same bound for staleness)."""


class KnownAnswer(Struct, frozen=True):
    """An answer stored near by; `vector` is its L2-normalised embedding, None when it has none."""

    text: str
    group: str
    vector: NDArray[np.float32] | None


def group_named(answer_id: str) -> str:
    """The group of answers to which the app gave this id."""
    return f"id.{_digest(answer_id)}"


def group_of(
    answer: str, vector: NDArray[np.float32] | None, *, known: Iterable[KnownAnswer]
) -> str:
    """The group of the most alike answer in `known` that is the same answer, else one of its own.

    `vector` is the L2-normalised embedding of `answer`, None when there is none; then only equal
    texts share a group.
    """
    best, group = SAME_ANSWER, ""
    own = normalize_query(answer)
    for other in known:
        if not other.group:
            continue
        if normalize_query(other.text) == own:
            return other.group
        if vector is None or other.vector is None or other.vector.shape != vector.shape:
            continue
        cosine = float(np.dot(vector, other.vector))
        if cosine >= best and answers_agree(answer, other.text):
            best, group = cosine, other.group
    return group or f"text.{_digest(own)}"


def answers_agree(one: str, other: str) -> bool:
    """Whether no number, date, code, name or negation stands in one of the answers alone."""
    return not statements_differ(one, other)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
