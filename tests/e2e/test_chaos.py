"""Mixed traffic while Redis or the provider fails: no app call fails for the cache's sake.

The figures that count are measured by `script/bench chaos`, on a quiet machine; the
bounds here are those that no machine is too busy for.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bench import chaos

PLAN = chaos.Plan(rate=40, calm_seconds=3, fault_seconds=4)
GENEROUS_MS = 150


@pytest.fixture(scope="module")
def faults() -> dict[str, Any]:
    """Every fault in turn."""
    measured: dict[str, Any] = chaos.run(PLAN)["faults"]
    return measured


@pytest.mark.parametrize("fault", list(chaos.FAULTS))
def test_chaos__fault__no_call_fails_for_the_cache(faults: dict[str, Any], fault: str) -> None:
    assert faults[fault]["failed_for_cache_reasons"] == 0, faults[fault]


@pytest.mark.parametrize("fault", list(chaos.FAULTS))
def test_chaos__fault__calls_take_little_longer(faults: dict[str, Any], fault: str) -> None:
    found = faults[fault]
    phases = [found[name] for name in ("breaker_closed", "breaker_open") if found[name]]

    sys.stdout.write(f"{fault}: {found}\n")

    assert max(phase["p50_added_ms"] for phase in phases) < GENEROUS_MS


@pytest.mark.parametrize("fault", ["redis_paused", "redis_slow_100ms", "redis_slow_500ms"])
def test_chaos__redis_useless__left_alone(faults: dict[str, Any], fault: str) -> None:
    assert faults[fault]["breaker_opened"] >= 1


def test_chaos__provider_hanging__what_is_known_is_served(faults: dict[str, Any]) -> None:
    layers = faults["provider_hanging"]["layers"]

    assert layers["exact"] + layers["faq"] + layers["semantic"] > 0.4 * sum(layers.values())
