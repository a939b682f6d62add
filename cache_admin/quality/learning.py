"""Training a policy's learned check, and what it is worth on pairs it has not seen.

A logistic model over what `routing.learned` observes, since its coefficients travel in the snapshot
and people can read them. It is trained on what it will be asked about: pairs similar enough to be
looked at, to which no guard objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from django.utils.translation import gettext as _
from msgspec import Struct
from numpy.typing import NDArray

from cache_admin.errors import NotAllowed
from routing.learned import FEATURES
from routing.snapshot import LearnedCheck

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

MIN_PAIRS = 200
MIN_OF_EACH = 30
LEAST_SIMILARITY = 0.5
PROBABILITIES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)
WANTED_PRECISION = 0.95

_FOLDS = 5
_SEED = 0
_MAX_ITERATIONS = 2_000
_BINS = 10

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Observed(Struct, frozen=True):
    """A labelled pair as the check sees it; `values` run parallel to `FEATURES`.

    Pairs of one `group` ask for the same stored question.
    """

    values: tuple[float, ...]
    right: bool
    group: str


class Rule(Struct, frozen=True):
    """What a rule would serve: `precision` of it is right, and it serves `recall` of all that is
    right."""

    precision: float
    recall: float


class CheckPoint(Struct, frozen=True):
    """The policy's threshold together with P(right) >= `min_probability`.

    `kept`: the share of the right hits of threshold and guards that are still hits.
    `recall_by_similarity`: what a higher threshold alone would serve at the same precision.
    """

    min_probability: float
    hits: int
    precision: float
    recall: float
    kept: float
    recall_by_similarity: float


class HeldOut(Struct, frozen=True):
    """What the check is worth on pairs it was not trained on.

    Every pair is judged by a model that has seen no pair of the same stored question. `auc` and
    `auc_similarity`: how well probability and similarity alone tell right from wrong (1 = always,
    0.5 = not at all). `brier` and `calibration_error`: how far the probabilities are off.
    `suggested`: the lowest probability at which WANTED_PRECISION is reached over enough hits to
    speak of, None when none reaches it.
    """

    pairs: int
    right: int
    auc: float
    auc_similarity: float
    brier: float
    calibration_error: float
    min_similarity: float
    without: Rule
    points: tuple[CheckPoint, ...]
    suggested: float | None


class Learned(Struct, frozen=True):
    """A trained check, not yet in force anywhere, and its worth."""

    check: LearnedCheck
    held_out: HeldOut


def learn(pairs: Sequence[Observed], *, min_similarity: float, now: datetime) -> Learned:
    """Train on `pairs`. Raises NotAllowed when there are too few, or too few of one kind."""
    _require_enough(pairs)
    values: Floats = np.array([pair.values for pair in pairs], dtype=np.float64)
    right: Flags = np.array([pair.right for pair in pairs])
    scaler, model = _fitted(values, right)
    check = LearnedCheck(
        min_probability=1.0,
        features=FEATURES,
        means=tuple(map(float, scaler.mean_)),
        scales=tuple(map(float, scaler.scale_)),
        coefficients=tuple(map(float, model.coef_[0])),
        intercept=float(model.intercept_[0]),
        trained_at=now,
        pairs=len(pairs),
    )
    probabilities = _cross_validated(values, right, [pair.group for pair in pairs])
    similarity = values[:, FEATURES.index("similarity")]
    held_out = judge(probabilities, similarity, right, min_similarity=min_similarity)
    return Learned(check, held_out)


def judge(
    probabilities: Floats, similarity: Floats, right: Flags, *, min_similarity: float
) -> HeldOut:
    """The worth of `probabilities` that were made without knowing `right`."""
    from sklearn.metrics import roc_auc_score

    near = similarity >= min_similarity
    without = _rule(near, right)
    points = tuple(
        _point(near, probabilities, similarity, right, min_probability=bound)
        for bound in PROBABILITIES
    )
    reached = [
        point.min_probability
        for point in points
        if point.hits >= MIN_OF_EACH and point.precision >= WANTED_PRECISION
    ]
    return HeldOut(
        pairs=len(right),
        right=int(right.sum()),
        auc=_rounded(roc_auc_score(right, probabilities)),
        auc_similarity=_rounded(roc_auc_score(right, similarity)),
        brier=_rounded(np.mean((probabilities - right) ** 2)),
        calibration_error=_rounded(_calibration_error(probabilities, right)),
        min_similarity=min_similarity,
        without=without,
        points=points,
        suggested=min(reached, default=None),
    )


def switched_on(check: LearnedCheck, *, min_probability: float) -> LearnedCheck:
    """`check` as a policy obeys it."""
    return msgspec.structs.replace(check, min_probability=min_probability)


def _require_enough(pairs: Sequence[Observed]) -> None:
    right = sum(pair.right for pair in pairs)
    least = min(right, len(pairs) - right)
    if len(pairs) < MIN_PAIRS or least < MIN_OF_EACH:
        message = _(
            "%(pairs)d pairs can be learned from, %(right)d of them right; needed are %(least)d, "
            "and %(each)d of each kind."
        )
        figures = {
            "pairs": len(pairs),
            "right": right,
            "least": MIN_PAIRS,
            "each": MIN_OF_EACH,
        }
        raise NotAllowed(message % figures, code="too_few_pairs")


def _fitted(values: Floats, right: Flags) -> tuple[StandardScaler, LogisticRegression]:
    # Here, because it takes a second to load, which only training has.
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(values)
    model = LogisticRegression(max_iter=_MAX_ITERATIONS).fit(scaler.transform(values), right)
    return scaler, model


def _cross_validated(values: Floats, right: Flags, groups: Sequence[str]) -> Floats:
    """For each pair the probability that a model without its group gives it."""
    probabilities: Floats = np.zeros(len(right))
    for train, test in _folds(values, right, groups):
        scaler, model = _fitted(values[train], right[train])
        probabilities[test] = model.predict_proba(scaler.transform(values[test]))[:, 1]
    return probabilities


def _folds(values: Floats, right: Flags, groups: Sequence[str]) -> list[tuple[Any, Any]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    grouped = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=_SEED)
    folds = list(grouped.split(values, right, groups)) if len(set(groups)) >= _FOLDS else []
    if folds and all(_has_both(right[train]) and len(test) for train, test in folds):
        return folds
    # A few stored questions take most of the pairs: parting by them leaves a fold one-sided.
    alone = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    return list(alone.split(values, right))


def _has_both(right: Flags) -> bool:
    return bool(right.any()) and not bool(right.all())


def _point(
    near: Flags,
    probabilities: Floats,
    similarity: Floats,
    right: Flags,
    *,
    min_probability: float,
) -> CheckPoint:
    served = near & (probabilities >= min_probability)
    rule = _rule(served, right)
    return CheckPoint(
        min_probability=min_probability,
        hits=int(served.sum()),
        precision=rule.precision,
        recall=rule.recall,
        kept=_share(int((served & right).sum()), int((near & right).sum())),
        recall_by_similarity=_best_recall(similarity, right, precision=rule.precision),
    )


def _rule(served: Flags, right: Flags) -> Rule:
    good = int((served & right).sum())
    count = int(served.sum())
    return Rule(
        precision=_share(good, count) if count else 1.0, recall=_share(good, int(right.sum()))
    )


def _best_recall(similarity: Floats, right: Flags, *, precision: float) -> float:
    """What the lowest threshold of at least this precision would serve of what is right."""
    order = np.argsort(-similarity, kind="stable")
    good = np.cumsum(right[order])
    reached = np.flatnonzero(good / np.arange(1, len(order) + 1) >= precision)
    return _share(int(good[reached[-1]]), int(right.sum())) if reached.size else 0.0


def _calibration_error(probabilities: Floats, right: Flags) -> float:
    """Mean distance, over ten bins, of what was promised from what came true."""
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    error = 0.0
    for number in range(_BINS):
        inside = bins == number
        if inside.any():
            error += inside.mean() * abs(probabilities[inside].mean() - right[inside].mean())
    return error


def _share(part: int, whole: int) -> float:
    return _rounded(part / whole) if whole else 0.0


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)
