"""The learned check: how likely the nearest entry is right, by a policy's own labelled pairs.

Pure arithmetic over what the guards have read. Training is the control plane's work; a model is
never used for another policy than the one whose pairs it has seen.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from routing.guards.text import Text
from routing.snapshot import LearnedCheck

_MOST_MARGIN = 1.0
"""Stands for "no rival"; cosines of unit vectors of one model rarely differ by more."""


def observe(asked: Text, stored: Text, *, similarity: float, margin: float) -> Mapping[str, float]:
    """What the check looks at, by name. `similarity` is a cosine, `margin` a difference of two."""
    asked_words, stored_words = frozenset(asked.words), frozenset(stored.words)
    shared = len(asked_words & stored_words)
    return {
        "similarity": similarity,
        "margin": min(margin, _MOST_MARGIN),
        "shared_of_asked": shared / max(len(asked_words), 1),
        "shared_of_stored": shared / max(len(stored_words), 1),
    }


def probability(check: LearnedCheck, observed: Mapping[str, float]) -> float:
    """P(right) by the logistic model in `check`; what is not observed counts as average."""
    values = np.array(
        [observed.get(name, mean) for name, mean in zip(check.features, check.means, strict=True)]
    )
    scaled = (values - np.array(check.means)) / np.array(check.scales)
    logit = check.intercept + float(np.dot(scaled, np.array(check.coefficients)))
    return float(1.0 / (1.0 + np.exp(-logit)))
