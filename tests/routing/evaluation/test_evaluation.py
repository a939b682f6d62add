"""Measurements through the real engine, on a real Redis and the real model."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from routing.errors import CacheUnavailable
from routing.evaluation import (
    CuratedQuestion,
    Pair,
    PairsResult,
    Question,
    Setting,
    StreamResult,
    evaluate_pairs,
    evaluate_stream,
)
from routing.snapshot import GuardName, LearnedCheck, NeverMerge, Scope
from tests.routing.builders import policy

pytestmark = pytest.mark.model

RESET = (
    "How do I reset my password?",
    "How can I reset my password?",
    "I want to reset the password of my account",
)
CANCEL = ("How do I cancel my order?", "How can I cancel an order?", "I want to cancel my order")
TRACK = ("How do I track my order?", "Where can I track my order?", "I want to track an order")
STREAM = tuple(
    Question(text, answer_id)
    for texts in zip(RESET, CANCEL, TRACK, strict=True)
    for text, answer_id in zip(texts, ("reset", "cancel", "track"), strict=True)
)


def setting(curated: tuple[CuratedQuestion, ...] = (), **changes: Any) -> Setting:
    never_merge = changes.pop("never_merge", ())
    return Setting(policy=policy(**changes), curated=curated, never_merge=never_merge)


async def stream_of(
    questions: tuple[Question, ...], measured: Setting, *, redis_url: str, models: Path
) -> StreamResult:
    return await evaluate_stream(
        questions,
        setting=measured,
        redis_url=redis_url,
        model="all-MiniLM-L6-v2",
        models_dir=models,
        on_progress=lambda _stage, _done, _total: None,
    )


async def pairs_of(
    *pairs: Pair, measured: Setting | None = None, redis_url: str, models: Path
) -> PairsResult:
    return await evaluate_pairs(
        pairs,
        setting=measured or setting(),
        redis_url=redis_url,
        model="all-MiniLM-L6-v2",
        models_dir=models,
        on_progress=lambda _stage, _done, _total: None,
    )


@pytest.mark.parametrize("min_similarity", [0.6, 0.7, 0.79, 0.9])
@pytest.mark.parametrize("min_margin", [0.0, 0.02, 0.05, 0.15])
async def test_stream__any_setting__engine_and_curve_agree(
    redis_url: str, model_cache_dir: Path, min_similarity: float, min_margin: float
) -> None:
    measured = setting(min_similarity=min_similarity, min_margin=min_margin)

    result = await stream_of(STREAM, measured, redis_url=redis_url, models=model_cache_dir)

    (point,) = (
        point
        for point in result.curve
        if (point.min_similarity, point.min_margin) == (min_similarity, min_margin)
    )
    assert (point.hit_rate, point.wrong_per_hit) == (result.hit_rate, result.wrong_per_hit)


@pytest.mark.parametrize("min_probability", [0.1, 0.5, 0.9])
async def test_stream__learned_check__engine_and_curve_agree(
    redis_url: str, model_cache_dir: Path, min_probability: float
) -> None:
    check = LearnedCheck(
        min_probability=min_probability,
        features=("similarity", "margin", "trigrams"),
        means=(0.85, 0.1, 0.5),
        scales=(0.1, 0.1, 0.2),
        coefficients=(1.0, 1.0, 1.0),
        intercept=0.0,
        trained_at=datetime(2026, 3, 2, tzinfo=UTC),
        pairs=200,
    )

    result = await stream_of(
        STREAM, setting(learned=check), redis_url=redis_url, models=model_cache_dir
    )

    (point,) = (
        point for point in result.curve if (point.min_similarity, point.min_margin) == (0.79, 0.0)
    )
    assert (point.hit_rate, point.wrong_per_hit) == (result.hit_rate, result.wrong_per_hit)


async def test_stream__rephrasings__told_by_layer(redis_url: str, model_cache_dir: Path) -> None:
    questions = (*(Question(text, "reset") for text in RESET), Question(RESET[0], "reset"))

    result = await stream_of(questions, setting(), redis_url=redis_url, models=model_cache_dir)

    layers = result.by_layer
    assert (layers.faq, layers.exact, layers.semantic, layers.none) == (0, 1, 2, 1)
    assert (result.hits, result.right_hits, result.hit_rate) == (3, 3, 0.75)


async def test_stream__other_answer_served__wrong(redis_url: str, model_cache_dir: Path) -> None:
    questions = (Question(RESET[0], "web"), Question(RESET[1], "app"))

    result = await stream_of(questions, setting(), redis_url=redis_url, models=model_cache_dir)

    assert (result.wrong_hits, result.wrong_per_hit, result.wrong_per_query) == (1, 1.0, 0.5)


async def test_stream__other_part__nothing_shared(redis_url: str, model_cache_dir: Path) -> None:
    questions = (Question(RESET[0], "1", "shop"), Question(RESET[0], "1", "bank"))

    result = await stream_of(questions, setting(), redis_url=redis_url, models=model_cache_dir)

    assert result.hits == 0


async def test_stream__curated_question__faq_layer(redis_url: str, model_cache_dir: Path) -> None:
    measured = setting((CuratedQuestion("Where is it?", "track", aliases=("Where's it?",)),))
    questions = (Question("where is it", "track"), Question("Where's it?", "cancel"))

    result = await stream_of(questions, measured, redis_url=redis_url, models=model_cache_dir)

    assert (result.by_layer.faq, result.wrong_hits) == (2, 1)


async def test_stream__never_merge__enforced_in_engine_and_curve(
    redis_url: str, model_cache_dir: Path
) -> None:
    measured = setting(never_merge=(NeverMerge(RESET[0], RESET[1]),))
    questions = (Question(RESET[0], "1"), Question(RESET[1], "1"))

    result = await stream_of(questions, measured, redis_url=redis_url, models=model_cache_dir)

    assert result.hits == 0
    assert {point.hit_rate for point in result.curve} == {0.0}


async def test_stream__end__nothing_left_in_redis(
    redis_url: str, redis_client: redis.Redis, model_cache_dir: Path
) -> None:
    await stream_of(STREAM, setting(), redis_url=redis_url, models=model_cache_dir)

    assert redis_client.keys() == []


async def test_stream__stopped_in_the_middle__nothing_left_in_redis(
    redis_url: str, redis_client: redis.Redis, model_cache_dir: Path
) -> None:
    seen: list[int] = []

    def stop_at_first_entry(stage: str, _done: int, _total: int) -> None:
        if stage == "engine":
            seen.append(len(redis_client.keys()))
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await evaluate_stream(
            STREAM,
            setting=setting(),
            redis_url=redis_url,
            model="all-MiniLM-L6-v2",
            models_dir=model_cache_dir,
            on_progress=stop_at_first_entry,
        )

    assert seen[0] > 0
    assert redis_client.keys() == []


async def test_stream__user_scoped_policy__measured_as_one_user(
    redis_url: str, model_cache_dir: Path
) -> None:
    questions = tuple(Question(text, "reset") for text in RESET[:2])
    measured = setting(scope=Scope.USER, documents=("manual",), ttl_seconds=1)

    result = await stream_of(questions, measured, redis_url=redis_url, models=model_cache_dir)

    assert result.hits == 1


async def test_stream__text_longer_than_the_model_reads__found_exactly_only(
    redis_url: str, model_cache_dir: Path
) -> None:
    long = "Please tell me about the order that I placed. " * 60
    questions = (Question(long, "1"), Question(long + "Now!", "1"), Question(long, "1"))

    result = await stream_of(questions, setting(), redis_url=redis_url, models=model_cache_dir)

    assert (result.by_layer.exact, result.hits) == (1, 1)
    assert {point.hit_rate for point in result.curve} == {0.333333}


async def test_stream__redis_away__says_so(model_cache_dir: Path) -> None:
    with pytest.raises(CacheUnavailable):
        await stream_of(
            STREAM, setting(), redis_url="redis://127.0.0.1:1/0", models=model_cache_dir
        )


async def test_pairs__both_kinds__rates_of_each(redis_url: str, model_cache_dir: Path) -> None:
    result = await pairs_of(
        Pair(RESET[0], RESET[1], 1),
        Pair(RESET[0], "What are your opening hours?", 1),
        Pair(CANCEL[0], CANCEL[1], 0),
        redis_url=redis_url,
        models=model_cache_dir,
    )

    assert (result.n, result.positives, result.negatives) == (3, 2, 1)
    assert (result.hit_rate_same, result.hit_rate_different) == (0.5, 1.0)
    assert result.precision == 0.5


async def test_pairs__threshold_of_the_policy__same_in_engine_and_curve(
    redis_url: str, model_cache_dir: Path
) -> None:
    pairs = [Pair(a, b, 1) for group in (RESET, CANCEL, TRACK) for a in group for b in group]

    result = await pairs_of(*pairs, redis_url=redis_url, models=model_cache_dir)

    (point,) = (point for point in result.curve if point.min_similarity == 0.79)
    assert point.hit_rate_same == result.hit_rate_same


async def test_pairs__guard_objects__counted_and_no_hit(
    redis_url: str, model_cache_dir: Path
) -> None:
    pair = Pair("Can I return it within 14 days?", "Can I return it within 30 days?", 0)

    result = await pairs_of(pair, redis_url=redis_url, models=model_cache_dir)

    assert result.hit_rate_different == 0
    assert set(result.guards) & {"numbers", "dates"}


async def test_pairs__guards_switched_off__hit(redis_url: str, model_cache_dir: Path) -> None:
    pair = Pair("Can I return it within 14 days?", "Can I return it within 30 days?", 0)
    measured = setting(disabled_guards=tuple(GuardName))

    result = await pairs_of(pair, measured=measured, redis_url=redis_url, models=model_cache_dir)

    assert (result.hit_rate_different, result.guards) == (1.0, {})


async def test_pairs__end__nothing_left_in_redis(
    redis_url: str, redis_client: redis.Redis, model_cache_dir: Path
) -> None:
    await pairs_of(Pair(RESET[0], RESET[1], 1), redis_url=redis_url, models=model_cache_dir)

    assert redis_client.keys() == []
