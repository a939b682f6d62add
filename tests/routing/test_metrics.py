from __future__ import annotations

import math
import timeit
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from routing.prices import Usage
from routing.telemetry import metrics
from routing.telemetry.events import Event, Result, Stages
from routing.telemetry.metrics import HitWindow, LabelValues, Metrics
from tests.routing.events import event


def call(result: Result = "miss", **changes: Any) -> Event:
    return event(result=result, layer="none", **changes)


def sample(rendered: Metrics, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(rendered.render().decode()):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return found.value
    return None


@pytest.mark.parametrize("result", ["hit", "miss", "bypass"])
def test_requests_total__one_call__counted_by_result(result: Result) -> None:
    counted = Metrics()

    counted.observe_call(call(result))

    assert sample(counted, "semantic_cache_requests_total", result=result) == 1


def test_hit_rate__bypass__not_part_of_it() -> None:
    counted = Metrics()

    for result in ("hit", "miss", "bypass", "bypass"):
        counted.observe_call(call(result))

    assert sample(counted, "semantic_cache_hit_rate") == 0.5


def test_hit_window__no_calls__not_a_number() -> None:
    assert math.isnan(HitWindow().rate(now=1000.0))


def test_hit_window__older_than_five_minutes__forgotten() -> None:
    window = HitWindow()
    window.add(hit=True, now=1000.0)
    window.add(hit=False, now=1200.0)

    assert window.rate(now=1299.0) == 0.5
    assert window.rate(now=1310.0) == 0.0
    assert math.isnan(window.rate(now=1600.0))


def test_latency__microseconds_of_the_event__seconds() -> None:
    counted = Metrics()

    counted.observe_call(call(stages_us=Stages(total=1_500_000)))

    assert sample(counted, "llm_request_latency_seconds_sum") == 1.5
    assert sample(counted, "llm_request_latency_seconds_bucket", le="1.0") == 0
    assert sample(counted, "llm_request_latency_seconds_bucket", le="2.0") == 1


def test_cost__many_small_calls__exact_dollars() -> None:
    counted = Metrics()

    for _ in range(1000):
        counted.observe_call(call(model_used="gpt-5", endpoint="help", cost_nanousd=100_000))

    assert sample(counted, "llm_cost_dollars_total", model="gpt-5", endpoint="help") == 0.1


def test_tokens__by_type__billed_counts() -> None:
    counted = Metrics()
    usage = Usage(input_tokens=80, output_tokens=40, cache_read_input_tokens=2000)

    counted.observe_call(call(model_used="gpt-5", usage=usage))

    found = [
        sample(counted, "llm_tokens_total", type=kind, model="gpt-5")
        for kind in ("input", "output", "cache_read", "cache_write_5m")
    ]
    assert found == [80, 40, 2000, None]


def test_tokens__hit_repeats_the_usage__not_billed_again() -> None:
    counted = Metrics()

    counted.observe_call(call("hit", model_used="gpt-5", usage=Usage(input_tokens=80)))

    assert sample(counted, "llm_tokens_total", type="input", model="gpt-5") is None


def test_labels__more_models_than_the_limit__other() -> None:
    labels = LabelValues(limit=2)

    assert [labels.bounded(name) for name in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]


def test_render__fresh_process__every_promised_name() -> None:
    text = metrics.render().decode()

    for name in (
        "semantic_cache_requests_total",
        "semantic_cache_hit_rate",
        "llm_request_latency_seconds",
        "llm_cost_dollars_total",
        "llm_tokens_total",
        "reprise_cache_errors_total",
        "reprise_provider_errors_total",
        "reprise_snapshot_revision",
        "reprise_snapshot_refused_total",
        "reprise_events_dropped_total",
        "reprise_events_spooled",
        "reprise_unpriced_calls_total",
    ):
        assert f"# TYPE {name} " in text


def test_functions__each_called__seen_in_the_rendered_text() -> None:
    metrics.cache_error("lookup")
    metrics.provider_error("openai", "timeout")
    metrics.snapshot_in_force(12)
    metrics.events_spooled(3)

    text = metrics.render().decode()

    assert 'reprise_cache_errors_total{stage="lookup"}' in text
    assert 'reprise_provider_errors_total{code="timeout",provider="openai"}' in text
    assert "reprise_snapshot_revision 12.0" in text
    assert "reprise_events_spooled 3.0" in text


def test_observe_call__a_hit__costs_microseconds() -> None:
    counted = Metrics()
    hit = call("hit", stages_us=Stages(total=400))

    seconds = min(timeit.repeat(lambda: counted.observe_call(hit), number=1000, repeat=5))

    assert seconds / 1000 < 50e-6
