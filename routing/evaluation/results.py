"""What a measurement tells. Shares are of 1; with nothing served, nothing was wrong."""

from __future__ import annotations

from msgspec import Struct


class PairPoint(Struct, frozen=True):
    """What a threshold does to pairs. `precision`: the share of hits that are right."""

    min_similarity: float
    hit_rate_same: float
    hit_rate_different: float
    precision: float


class PairsResult(Struct, frozen=True):
    """Pairs: the one stored, the other looked up.

    `guards` counts the pairs that are similar enough to which each guard objects, whether or not
    another does too; `guards_same` those of them that one answer would have served.
    """

    n: int
    positives: int
    negatives: int
    min_similarity: float
    hit_rate_same: float
    hit_rate_different: float
    precision: float
    curve: tuple[PairPoint, ...]
    guards: dict[str, int]
    guards_same: dict[str, int]
    seconds: float


class StreamPoint(Struct, frozen=True):
    """What a threshold and a margin do to a stream."""

    min_similarity: float
    min_margin: float
    hit_rate: float
    wrong_per_hit: float


class LayerCounts(Struct, frozen=True):
    """Questions by the layer that answered them; `none` reached the provider."""

    faq: int
    exact: int
    semantic: int
    none: int


class StreamResult(Struct, frozen=True):
    """A stream: each question looked up in order, and stored when nothing was found."""

    n: int
    min_similarity: float
    min_margin: float
    hits: int
    right_hits: int
    wrong_hits: int
    hit_rate: float
    wrong_per_hit: float
    wrong_per_query: float
    by_layer: LayerCounts
    curve: tuple[StreamPoint, ...]
    seconds: float


def share(part: int, whole: int) -> float:
    """`part` of `whole`; 0 of nothing."""
    return round(part / whole, 6) if whole else 0.0
