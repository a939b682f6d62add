"""The learned check: how likely the nearest entry is right, by a policy's own labelled pairs.

Pure arithmetic over what the guards have read. Training is the control plane's work; a model is
never used for another policy than the one whose pairs it has seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from routing.guards.content import Content, content_of, language_of_pair
from routing.guards.text import Text
from routing.snapshot import LearnedCheck

FEATURES = (
    "similarity",
    "shared_of_asked",
    "shared_of_stored",
    "content_of_asked",
    "content_of_stored",
    "unmatched",
    "trigrams",
    "bigrams",
    "length_ratio",
    "words",
    "same_opening",
    "same_ending",
)
"""What a check is trained on. `margin` is observed too, but pairs of questions do not have one."""

_MOST_MARGIN = 1.0
"""Stands for "no rival"; cosines of unit vectors of one model rarely differ by more."""


def observe(asked: Text, stored: Text, *, similarity: float, margin: float) -> Mapping[str, float]:
    """What the check looks at, by name. `similarity` is a cosine, `margin` a difference of two.

    `shared_...`: the share of one text's words that stand in the other; `content_...`: the share of
    its words that carry the subject and have a like there (same stem, synonym, near spelling);
    `unmatched`: log of one more than how many of both have none. `trigrams` and `bigrams`: overlap
    (Dice) in three letters of a word and in two words in a row. `length_ratio`: the shorter of the
    longer; `words`: log of how many there are.
    """
    one, other = _Shape(asked), _Shape(stored)
    language = language_of_pair(asked, stored)
    here, there = content_of(asked, language), content_of(stored, language)
    lone_here, lone_there = _without_like(here, there), _without_like(there, here)
    shared = len(asked.words & stored.words)
    lengths = len(asked.tokens), len(stored.tokens)
    return {
        "similarity": similarity,
        "margin": min(margin, _MOST_MARGIN),
        "shared_of_asked": shared / max(len(asked.words), 1),
        "shared_of_stored": shared / max(len(stored.words), 1),
        "content_of_asked": 1 - lone_here / max(len(here.terms), 1),
        "content_of_stored": 1 - lone_there / max(len(there.terms), 1),
        "unmatched": math.log1p(lone_here + lone_there),
        "trigrams": _overlap(one.trigrams, other.trigrams),
        "bigrams": _overlap(one.bigrams, other.bigrams),
        "length_ratio": min(lengths) / max(*lengths, 1),
        "words": math.log1p(sum(lengths)),
        "same_opening": float(bool(one.opening) and one.opening == other.opening),
        "same_ending": float(bool(one.ending) and one.ending == other.ending),
    }


def probability(check: LearnedCheck, observed: Mapping[str, float]) -> float:
    """P(right) by the logistic model in `check`; what is not observed counts as average."""
    values = np.array(
        [observed.get(name, mean) for name, mean in zip(check.features, check.means, strict=True)]
    )
    scaled = (values - np.array(check.means)) / np.array(check.scales)
    logit = check.intercept + float(np.dot(scaled, np.array(check.coefficients)))
    # The logistic function, in a form that cannot overflow.
    return 0.5 * (1.0 + math.tanh(logit / 2))


class _Shape:
    """The wording of a text."""

    __slots__ = ("bigrams", "ending", "opening", "trigrams")

    def __init__(self, text: Text) -> None:
        words = [token.folded for token in text.tokens]
        self.opening = words[0] if words else ""
        self.ending = words[-1] if words else ""
        self.bigrams = frozenset(pairwise(words))
        self.trigrams = frozenset(
            f" {word} "[at : at + 3] for word in text.words for at in range(len(word))
        )


def _without_like(content: Content, other: Content) -> int:
    """How many terms of `content` have none like them in `other`."""
    return sum(not other.has_like(term.word) for term in content.terms)


def _overlap(one: frozenset[object], other: frozenset[object]) -> float:
    total = len(one) + len(other)
    return 2 * len(one & other) / total if total else 0.0
