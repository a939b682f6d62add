"""Measures how well a policy answers: labelled questions through the real engine.

One of the two parts of the runtime that does I/O and that the control plane may import (beside
`routing.upkeep`), and only inside the command that asks for it: it loads the embedding model.
"""

from __future__ import annotations

from pathlib import Path

from routing.evaluation.labelled import (
    CuratedQuestion,
    Pair,
    Question,
    read_curated,
    read_pairs,
    read_stream,
)
from routing.evaluation.pairs import measure_pairs
from routing.evaluation.results import PairPoint, PairsResult, StreamPoint, StreamResult
from routing.evaluation.scratch import Setting, open_scratch
from routing.evaluation.stream import measure_stream
from routing.evaluation.vectors import OnProgress, load_vectors

__all__ = [
    "CuratedQuestion",
    "OnProgress",
    "Pair",
    "PairPoint",
    "PairsResult",
    "Question",
    "Setting",
    "StreamPoint",
    "StreamResult",
    "evaluate_pairs",
    "evaluate_stream",
    "read_curated",
    "read_pairs",
    "read_stream",
]

_WORKERS = 2


async def evaluate_pairs(
    pairs: tuple[Pair, ...],
    *,
    setting: Setting,
    redis_url: str,
    model: str,
    models_dir: Path,
    on_progress: OnProgress,
) -> PairsResult:
    """Store the one of each pair and look up the other.

    Raises CacheUnavailable when Redis fails, ConfigError when the model cannot be had.
    """
    vectors = await load_vectors(model, cache_dir=models_dir, workers=_WORKERS)
    async with open_scratch(redis_url, setting=setting, vectors=vectors) as scratch:
        return await measure_pairs(pairs, scratch, workers=_WORKERS, on_progress=on_progress)


async def evaluate_stream(
    questions: tuple[Question, ...],
    *,
    setting: Setting,
    redis_url: str,
    model: str,
    models_dir: Path,
    on_progress: OnProgress,
) -> StreamResult:
    """Look up each question in order, and store what was not found.

    Raises CacheUnavailable when Redis fails, ConfigError when the model cannot be had.
    """
    vectors = await load_vectors(model, cache_dir=models_dir, workers=_WORKERS)
    async with open_scratch(redis_url, setting=setting, vectors=vectors) as scratch:
        return await measure_stream(questions, scratch, workers=_WORKERS, on_progress=on_progress)
