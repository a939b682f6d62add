"""A labelled stream through the engine, and the same stream at many other settings."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np

from routing.answer_groups import group_named
from routing.evaluation.labelled import Question
from routing.evaluation.neighbours import Earlier
from routing.evaluation.replay import Columns, Material, replay
from routing.evaluation.results import LayerCounts, StreamPoint, StreamResult, share
from routing.evaluation.scratch import Scratch
from routing.evaluation.vectors import OnProgress
from routing.guards import Veto, first_veto
from routing.guards.comparison import Comparison
from routing.guards.text import read_text
from routing.layers.faq import curated_answer
from routing.layers.place import Place
from routing.layers.semantic import candidates_needed
from routing.learned import observe, probability

SIMILARITIES = tuple(round(0.50 + step / 100, 2) for step in range(50))
MARGINS = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.12, 0.15, 0.20, 0.25)


async def measure_stream(
    questions: Sequence[Question],
    scratch: Scratch,
    *,
    workers: int,
    on_progress: OnProgress,
) -> StreamResult:
    """Send `questions` through the engine in order, then replay them at every point of the curve.

    Raises CacheUnavailable when Redis fails.
    """
    started = time.monotonic()
    texts = (question.text for question in questions)
    await scratch.vectors.embed_all(texts, workers=workers, on_progress=on_progress)
    layers, wrong = await _through_engine(questions, scratch, on_progress)
    curve = replay_stream(questions, scratch, on_progress=on_progress)
    hits = len(questions) - layers["none"]
    return StreamResult(
        n=len(questions),
        min_similarity=scratch.policy.min_similarity,
        min_margin=scratch.policy.min_margin,
        hits=hits,
        right_hits=hits - wrong,
        wrong_hits=wrong,
        hit_rate=share(hits, len(questions)),
        wrong_per_hit=share(wrong, hits),
        wrong_per_query=share(wrong, len(questions)),
        by_layer=LayerCounts(
            faq=layers["faq"],
            exact=layers["exact"],
            semantic=layers["semantic"],
            none=layers["none"],
        ),
        curve=curve,
        seconds=round(time.monotonic() - started, 3),
    )


async def _through_engine(
    questions: Sequence[Question], scratch: Scratch, on_progress: OnProgress
) -> tuple[Counter[str], int]:
    """Questions by layer, and how many were served another answer than theirs."""
    layers: Counter[str] = Counter()
    wrong = 0
    for done, question in enumerate(questions, 1):
        call = scratch.call(question.text, part=question.part, answer_id=question.answer_id)
        found = await scratch.ask(call)
        layers[found.decision.layer] += 1
        if found.answer is None:
            assert found.plan is not None
            await scratch.keep(found.plan)
        elif found.answer.layer == "faq":
            wrong += found.answer.text != question.answer_id
        else:
            wrong += found.answer.group != group_named(question.answer_id)
        on_progress("engine", done, len(questions))
    return layers, wrong


def replay_stream(
    questions: Sequence[Question], scratch: Scratch, *, on_progress: OnProgress
) -> tuple[StreamPoint, ...]:
    """Hit rate and wrong hits at every setting of the grid, and at that of the policy.

    The vectors of the questions must be there.
    """
    columns = _columns(scratch)
    outcome = replay(
        _material(questions, scratch, floor=_floor(scratch, columns)),
        columns,
        on_progress=lambda done: on_progress("curve", done, len(questions)),
    )
    return tuple(
        StreamPoint(
            min_similarity=float(columns.min_similarity[at]),
            min_margin=float(columns.min_margin[at]),
            hit_rate=share(int(outcome.hits[at]), len(questions)),
            wrong_per_hit=share(int(outcome.wrong[at]), int(outcome.hits[at])),
        )
        for at in range(len(columns))
    )


def _columns(scratch: Scratch) -> Columns:
    policy = scratch.policy
    grid = [
        (similarity, margin)
        for similarity in sorted({*SIMILARITIES, policy.min_similarity})
        for margin in sorted({*MARGINS, policy.min_margin})
    ]
    place = scratch.place(scratch.call("-"))
    looks_at = {
        margin: candidates_needed(
            msgspec.structs.replace(
                place, policy=msgspec.structs.replace(policy, min_margin=margin)
            )
        )
        for _, margin in grid
    }
    return Columns(
        min_similarity=np.array([similarity for similarity, _ in grid]),
        min_margin=np.array([margin for _, margin in grid]),
        looks_at=np.array([looks_at[margin] for _, margin in grid]),
    )


def _floor(scratch: Scratch, columns: Columns) -> float:
    """Similarity below which no entry can be served nor stand in the way of one."""
    if scratch.policy.learned is not None:
        return -1.0
    return float(columns.min_similarity.min() - columns.min_margin.max())


def _material(questions: Sequence[Question], scratch: Scratch, *, floor: float) -> Material:
    numbers: defaultdict[str, int] = defaultdict(lambda: len(numbers))
    calls = [scratch.call(question.text, part=question.part) for question in questions]
    places = [scratch.place(call) for call in calls]
    parts: defaultdict[str, int] = defaultdict(lambda: len(parts))
    answers = [numbers[question.answer_id] for question in questions]
    curated = [curated_answer(call, scratch.tenant) for call in calls]
    vectors = [scratch.vectors.of(question.text) for question in questions]
    width = next((len(vector) for vector in vectors if vector is not None), 1)
    guards = _Guards(questions, scratch)
    empty = np.zeros(width, dtype=np.float32)
    return Material(
        answers=np.array(answers),
        twins=_twins(places),
        curated=np.array([-1 if item is None else numbers[item.text] for item in curated]),
        earlier=Earlier(
            np.stack([empty if vector is None else vector for vector in vectors]),
            parts=[parts[place.partition] for place in places],
            floor=floor,
        ),
        veto=guards.veto,
        likely=None if scratch.policy.learned is None else guards.likely,
    )


def _twins(places: Sequence[Place]) -> list[list[int]]:
    """For each question the earlier ones that the exact layer takes for the same."""
    seen: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    twins: list[list[int]] = []
    for row, place in enumerate(places):
        same = seen[place.partition, place.entry_id]
        twins.append(same.copy())
        same.append(row)
    return twins


class _Guards:
    """The guards and the learned check over the questions of a stream, by row."""

    def __init__(self, questions: Sequence[Question], scratch: Scratch) -> None:
        self._texts = [question.text for question in questions]
        self._policy = scratch.policy
        self._lexicon = scratch.tenant.lexicon

    def veto(self, asked: int, stored: int) -> Veto | None:
        comparison = Comparison(
            asked=read_text(self._texts[asked]),
            stored=read_text(self._texts[stored]),
            lexicon=self._lexicon,
        )
        return first_veto(comparison, disabled=self._policy.disabled_guards)

    def likely(self, asked: int, stored: int, similarity: float, margin: float) -> bool:
        check = self._policy.learned
        assert check is not None
        observed = observe(
            read_text(self._texts[asked]),
            read_text(self._texts[stored]),
            similarity=similarity,
            margin=margin,
        )
        return probability(check, observed) >= check.min_probability
