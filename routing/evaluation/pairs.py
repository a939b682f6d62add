"""Labelled pairs through the engine: one question stored, the other looked up."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.evaluation.labelled import Pair
from routing.evaluation.results import PairPoint, PairsResult, share
from routing.evaluation.scratch import Scratch
from routing.evaluation.vectors import OnProgress
from routing.guards import all_vetoes
from routing.guards.comparison import Comparison
from routing.guards.text import read_text
from routing.learned import observe, probability

SIMILARITIES = tuple(round(0.50 + step / 100, 2) for step in range(50))
_LANES = 8


async def measure_pairs(
    pairs: Sequence[Pair], scratch: Scratch, *, workers: int, on_progress: OnProgress
) -> PairsResult:
    """Send `pairs` through the engine, each alone; then tell what other thresholds would do.

    Raises CacheUnavailable when Redis fails.
    """
    started = time.monotonic()
    texts = (text for pair in pairs for text in (pair.a, pair.b))
    await scratch.vectors.embed_all(texts, workers=workers, on_progress=on_progress)
    hits = await _through_engine(pairs, scratch, on_progress)
    judged = _judge(pairs, scratch, on_progress)
    same = np.array([pair.same == 1 for pair in pairs])
    policy = scratch.policy
    served = _point(hits, same, min_similarity=policy.min_similarity)
    near = [item for item in judged if item.similarity >= policy.min_similarity and item.compared]
    return PairsResult(
        n=len(pairs),
        positives=int(same.sum()),
        negatives=int((~same).sum()),
        min_similarity=policy.min_similarity,
        hit_rate_same=served.hit_rate_same,
        hit_rate_different=served.hit_rate_different,
        precision=served.precision,
        curve=tuple(
            _point(
                np.array([item.is_hit(min_similarity) for item in judged]),
                same,
                min_similarity=min_similarity,
            )
            for min_similarity in sorted({*SIMILARITIES, policy.min_similarity})
        ),
        guards=dict(Counter(name for item in near for name in item.vetoes)),
        guards_same=dict(Counter(name for item in near if item.same for name in item.vetoes)),
        seconds=round(time.monotonic() - started, 3),
    )


async def _through_engine(
    pairs: Sequence[Pair], scratch: Scratch, on_progress: OnProgress
) -> NDArray[np.bool_]:
    """Which of the pairs are hits."""
    hits = np.zeros(len(pairs), dtype=np.bool_)
    waiting = iter(enumerate(pairs))
    done = 0

    async def work(lane: str) -> None:
        nonlocal done
        for at, pair in waiting:
            plan = scratch.plan(scratch.call(pair.a, part=lane))
            await scratch.keep(plan)
            found = await scratch.ask(scratch.call(pair.b, part=lane))
            hits[at] = found.answer is not None
            await scratch.drop_partition(plan)
            done += 1
            on_progress("engine", done, len(pairs))

    async with asyncio.TaskGroup() as group:
        for lane in range(_LANES):
            group.create_task(work(f"lane {lane}"))
    return hits


@dataclass(frozen=True, slots=True)
class _Judged:
    """A pair as the engine sees it. `compared`: in reach of the semantic layer; else `equal` pairs
    are hits of the exact layer, and others none at all."""

    same: bool
    similarity: float
    compared: bool
    equal: bool
    vetoes: tuple[str, ...]
    likely: bool

    def is_hit(self, min_similarity: float) -> bool:
        near = self.compared and self.similarity >= min_similarity
        return self.equal or (near and not self.vetoes and self.likely)


def _judge(pairs: Sequence[Pair], scratch: Scratch, on_progress: OnProgress) -> list[_Judged]:
    judged: list[_Judged] = []
    for done, pair in enumerate(pairs, 1):
        judged.append(_judge_one(pair, scratch))
        on_progress("guards", done, len(pairs))
    return judged


def _judge_one(pair: Pair, scratch: Scratch) -> _Judged:
    stored, asked = scratch.place(scratch.call(pair.a)), scratch.place(scratch.call(pair.b))
    one, other = scratch.vectors.of(pair.a), scratch.vectors.of(pair.b)
    in_reach = stored.partition == asked.partition and one is not None and other is not None
    equal = stored.partition == asked.partition and stored.entry_id == asked.entry_id
    similarity = float(np.dot(one, other)) if one is not None and other is not None else -1.0
    vetoes: tuple[str, ...] = ()
    likely = True
    if in_reach and similarity >= min(*SIMILARITIES, scratch.policy.min_similarity):
        comparison = Comparison(
            asked=read_text(pair.b), stored=read_text(pair.a), lexicon=scratch.tenant.lexicon
        )
        found = all_vetoes(comparison, disabled=scratch.policy.disabled_guards)
        vetoes = tuple(veto.guard.value for veto in found)
        likely = _likely(comparison, scratch, similarity=similarity)
    return _Judged(
        same=pair.same == 1,
        similarity=min(1.0, similarity),
        compared=in_reach and not equal,
        equal=equal,
        vetoes=vetoes,
        likely=likely,
    )


def _likely(comparison: Comparison, scratch: Scratch, *, similarity: float) -> bool:
    check = scratch.policy.learned
    if check is None:
        return True
    observed = observe(comparison.asked, comparison.stored, similarity=similarity, margin=np.inf)
    return probability(check, observed) >= check.min_probability


def _point(hits: NDArray[np.bool_], same: NDArray[np.bool_], *, min_similarity: float) -> PairPoint:
    right, wrong = int((hits & same).sum()), int((hits & ~same).sum())
    return PairPoint(
        min_similarity=min_similarity,
        hit_rate_same=share(right, int(same.sum())),
        hit_rate_different=share(wrong, int((~same).sum())),
        precision=share(right, right + wrong) if right + wrong else 1.0,
    )
