"""Labelled pairs as the learned check sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from cache_admin.quality.learning import LEAST_SIMILARITY, Observed
from cache_admin.quality.setting import Measured
from routing.guards import first_veto
from routing.guards.comparison import Comparison
from routing.guards.lexicon import lexicon_of
from routing.guards.text import read_text
from routing.learned import FEATURES, observe

_NO_RIVAL = 1.0


class Compared(Struct, frozen=True):
    """A labelled pair and its cosine, None when one of the questions is too long to embed."""

    asked: str
    stored: str
    similarity: float | None
    right: bool


def observe_pairs(pairs: Iterable[Compared], measured: Measured) -> list[Observed]:
    """Those of `pairs` that the check would be asked about: alike, and passed by the guards."""
    return list(_observed(pairs, measured))


def _observed(pairs: Iterable[Compared], measured: Measured) -> Iterator[Observed]:
    lexicon = lexicon_of(measured.lexicon, never_merge=measured.never_merge)
    for pair in pairs:
        if pair.similarity is None or pair.similarity < LEAST_SIMILARITY:
            continue
        asked, stored = read_text(pair.asked), read_text(pair.stored)
        comparison = Comparison(asked=asked, stored=stored, lexicon=lexicon)
        if first_veto(comparison, disabled=measured.policy.disabled_guards) is not None:
            continue
        seen = observe(asked, stored, similarity=pair.similarity, margin=_NO_RIVAL)
        values = tuple(seen[name] for name in FEATURES)
        yield Observed(values=values, right=pair.right, group=pair.stored)
