"""Prometheus metrics of one runtime process.

The functions at the end are what callers use. Labels are bounded: the first `MAX_LABEL_VALUES`
distinct models and endpoints are told apart, further ones count as ``other``. No text of a prompt,
an answer or a user is ever a label.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from routing.prices import NO_TOKENS
from routing.telemetry.events import Event

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MAX_LABEL_VALUES = 200
OTHER = "other"
UNSET = "unset"
"""Label of calls that name no endpoint, or reached no model."""

HIT_RATE_WINDOW_SECONDS = 300

_SLICE_SECONDS = 10
_SLICES = HIT_RATE_WINDOW_SECONDS // _SLICE_SECONDS
_NANO = 1_000_000_000
_MICRO = 1_000_000

# Hits take fractions of a millisecond, provider calls up to minutes.
_LATENCY_BUCKETS = (
    0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5,
    1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0,
)  # fmt: skip

_TOKEN_TYPES = (
    ("input", "input_tokens"),
    ("output", "output_tokens"),
    ("cache_read", "cache_read_input_tokens"),
    ("cache_write_5m", "cache_write_5m_input_tokens"),
    ("cache_write_1h", "cache_write_1h_input_tokens"),
)


class HitWindow:
    """Hits and misses of the last five minutes, in slices of ten seconds. Reads no clock."""

    def __init__(self) -> None:
        self._slices = [[0, 0] for _ in range(_SLICES)]
        self._current = 0

    def add(self, *, hit: bool, now: float) -> None:
        """Count one lookup at `now` (monotonic seconds)."""
        self._advance(now)
        self._slices[self._current % _SLICES][0 if hit else 1] += 1

    def rate(self, *, now: float) -> float:
        """Share of hits among hits and misses; NaN while there was neither."""
        self._advance(now)
        hits = sum(item[0] for item in self._slices)
        total = hits + sum(item[1] for item in self._slices)
        return hits / total if total else float("nan")

    def _advance(self, now: float) -> None:
        index = int(now // _SLICE_SECONDS)
        for stale in range(max(self._current + 1, index - _SLICES + 1), index + 1):
            self._slices[stale % _SLICES] = [0, 0]
        self._current = max(self._current, index)


class LabelValues:
    """Tells apart a bounded number of values; the rest are one."""

    def __init__(self, limit: int = MAX_LABEL_VALUES) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def bounded(self, value: str) -> str:
        """`value` itself while there is room for it, else ``other``."""
        if value in self._known:
            return value
        if len(self._known) >= self._limit:
            return OTHER
        self._known.add(value)
        return value


class _CostCollector(Collector):
    """Cost is summed in whole nano-USD; dollars appear only in the text of a scrape."""

    def __init__(self) -> None:
        self.nanousd: defaultdict[tuple[str, str], int] = defaultdict(int)

    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily(
            "llm_cost_dollars", "Cost of provider calls in USD", labels=["model", "endpoint"]
        )
        for labels, nanousd in list(self.nanousd.items()):
            family.add_metric(list(labels), nanousd / _NANO)
        yield family


class Metrics:
    """All instruments of a process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        requests = Counter(
            "semantic_cache_requests", "Calls by what the cache did", ["result"], registry=registry
        )
        self._requests = {result: requests.labels(result) for result in ("hit", "miss", "bypass")}
        self._hits = HitWindow()
        Gauge(
            "semantic_cache_hit_rate",
            "Hits among hits and misses of the last five minutes; NaN without calls",
            registry=registry,
        ).set_function(lambda: self._hits.rate(now=time.monotonic()))
        self._latency = Histogram(
            "llm_request_latency_seconds",
            "Time from an app's request to the last byte of its answer",
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )
        self._cost = _CostCollector()
        registry.register(self._cost)
        self._tokens = Counter(
            "llm_tokens", "Tokens billed by providers", ["type", "model"], registry=registry
        )
        self._token_children: dict[tuple[str, str], Counter] = {}
        self._models = LabelValues()
        self._endpoints = LabelValues()
        self._add_own_instruments(registry)

    def _add_own_instruments(self, registry: CollectorRegistry) -> None:
        self.cache_errors = Counter(
            "reprise_cache_errors", "Cache stages that failed", ["stage"], registry=registry
        )
        self.provider_errors = Counter(
            "reprise_provider_errors",
            "Provider calls that failed",
            ["provider", "code"],
            registry=registry,
        )
        self.answers_not_stored = Counter(
            "reprise_answers_not_stored",
            "Answers that a policy's rules kept out of the cache",
            ["reason"],
            registry=registry,
        )
        self.snapshot_revision = Gauge(
            "reprise_snapshot_revision", "Revision in force; 0 before the first", registry=registry
        )
        self.snapshot_refused = Counter(
            "reprise_snapshot_refused", "Snapshots refused", registry=registry
        )
        self.events_dropped = Counter(
            "reprise_events_dropped", "Events lost to a full spool or disk", registry=registry
        )
        self.events_spooled = Gauge(
            "reprise_events_spooled", "Events waiting for Redis", registry=registry
        )
        self.unpriced_calls = Counter(
            "reprise_unpriced_calls", "Provider calls of models without a price", registry=registry
        )
        self.invalidation_events = Counter(
            "reprise_invalidation_events",
            "Events of other systems by what became of them",
            ["result"],
            registry=registry,
        )
        self.entries_evicted = Counter(
            "reprise_entries_evicted", "Entries evicted by limit", ["limit"], registry=registry
        )
        self.redis_memory_share = Gauge(
            "reprise_redis_memory_share",
            "Redis' memory in use by its limit; NaN without a limit",
            registry=registry,
        )
        self.redis_memory_share.set(float("nan"))

        self.calls_refused = Counter(
            "reprise_calls_refused", "Calls refused for overload", ["reason"], registry=registry
        )

        self.embedding_tokens = Counter(
            "reprise_embedding_tokens",
            "Tokens billed by providers for embeddings",
            ["model"],
            registry=registry,
        )
        self.embedding_models = Gauge(
            "reprise_embedding_models",
            "Embedding models that tenants use, by whether they can be used",
            ["state"],
            registry=registry,
        )

    def observe_call(self, event: Event) -> None:
        """Count one finished call."""
        self._requests[event.result].inc()
        if event.result != "bypass":
            self._hits.add(hit=event.result == "hit", now=time.monotonic())
        self._latency.observe(event.stages_us.total / _MICRO)
        # A hit repeats the usage of the call that made it; the provider billed it only once.
        if event.result == "hit" or (not event.cost_nanousd and event.usage == NO_TOKENS):
            return
        model = self._models.bounded(event.model_used or event.model_asked or UNSET)
        endpoint = self._endpoints.bounded(event.endpoint or UNSET)
        self._cost.nanousd[model, endpoint] += event.cost_nanousd
        for kind, field in _TOKEN_TYPES:
            if count := getattr(event.usage, field):
                self._token_counter(kind, model).inc(count)

    def bounded_model(self, model: str) -> str:
        """`model` as a label."""
        return self._models.bounded(model)

    def _token_counter(self, kind: str, model: str) -> Counter:
        child = self._token_children.get((kind, model))
        if child is None:
            child = self._token_children[kind, model] = self._tokens.labels(kind, model)
        return child

    def render(self) -> bytes:
        """The Prometheus text format; see `CONTENT_TYPE`."""
        return generate_latest(self.registry)


_METRICS = Metrics()

observe_call = _METRICS.observe_call
render = _METRICS.render


def cache_error(stage: str) -> None:
    """A cache stage failed and the call went on without it."""
    _METRICS.cache_errors.labels(stage).inc()


def provider_error(provider: str, code: str) -> None:
    """A provider call failed with this stable code."""
    _METRICS.provider_errors.labels(provider, code).inc()


def answer_not_stored(reason: str) -> None:
    """An answer was not kept, for this stable reason."""
    _METRICS.answers_not_stored.labels(reason).inc()


def unpriced_call() -> None:
    """A provider call could not be costed: its model has no price."""
    _METRICS.unpriced_calls.inc()


def call_refused(reason: str) -> None:
    """A call was turned away, because the gateway or its tenant has too many under way."""
    _METRICS.calls_refused.labels(reason).inc()


def embedding_tokens(model: str, count: int) -> None:
    """A provider billed `count` tokens for embeddings of `model`."""
    _METRICS.embedding_tokens.labels(_METRICS.bounded_model(model)).inc(count)


def embedding_models(*, ready: int, failed: int, loading: int) -> None:
    """How many embedding models are in these states."""
    for state, count in (("ready", ready), ("failed", failed), ("loading", loading)):
        _METRICS.embedding_models.labels(state).set(count)


def invalidation_event(result: str) -> None:
    """Another system's event was matched, unmatched, a duplicate, refused, or failed."""
    _METRICS.invalidation_events.labels(result).inc()


def entries_evicted(limit: str, count: int) -> None:
    """`count` entries went because of a limit: the tenant's, the runtime's or Redis' memory."""
    _METRICS.entries_evicted.labels(limit).inc(count)


def redis_memory_share(share: float | None) -> None:
    """How full Redis is; None when it has no limit."""
    _METRICS.redis_memory_share.set(float("nan") if share is None else share)


def snapshot_in_force(revision: int) -> None:
    """This revision is now in force."""
    _METRICS.snapshot_revision.set(revision)


def snapshot_refused() -> None:
    """A snapshot was refused."""
    _METRICS.snapshot_refused.inc()


def event_dropped(count: int) -> None:
    """`count` events were lost."""
    _METRICS.events_dropped.inc(count)


def events_spooled(count: int) -> None:
    """`count` events wait to be shipped."""
    _METRICS.events_spooled.set(count)
