"""What a call costs in the runtime, by the layer that answers it, beside a bare endpoint."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from bench.load import (
    Connection,
    Request,
    has_wrk,
    measure_latency,
    measure_throughput,
    measure_with_wrk,
)
from bench.stack import Stack, answers, core_under_test, free_port, key_digest, pinned
from bench.traffic import SEEDS, rephrasings, unlike_questions
from routing.snapshot import (
    SCHEMA_VERSION,
    ApiKeyConfig,
    ContentClass,
    FaqConfig,
    PolicyConfig,
    PriceConfig,
    Snapshot,
    TenantConfig,
)

KEY = "rp_benchmark_key"
MODEL = "gpt-4o-mini"
PATH = "/v1/chat/completions"
FAQ = "What are your opening hours?"
_CONNECTIONS = 32


def bench_snapshot(revision: int = 1) -> Snapshot:
    """A tenant with one policy, one curated answer and a price."""
    tenant = TenantConfig(
        uid="bench",
        slug="bench",
        api_keys=(ApiKeyConfig(uid="key", digest=key_digest(KEY), scopes=("call",)),),
        policies=(
            PolicyConfig(
                uid="policy",
                name="default",
                content_class=ContentClass.FREQUENT_FAQ,
                min_similarity=0.79,
                ttl_seconds=3600,
            ),
        ),
        faqs=(
            FaqConfig(uid="faq", language="en", question=FAQ, answer="From nine to five. " * 20),
        ),
    )
    price = PriceConfig(
        model=MODEL,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        input=150_000_000,
        output=600_000_000,
        cache_read=75_000_000,
        cache_write_5m=150_000_000,
        cache_write_1h=150_000_000,
    )
    return Snapshot(
        schema_version=SCHEMA_VERSION,
        revision=revision,
        created_at=datetime.now(UTC),
        tenants=(tenant,),
        prices=(price,),
    )


def chat_request(question: str, **controls: Any) -> Request:
    """A chat completion request about `question`, about 1 KB long as apps' are."""
    system = "You are a helpful assistant of an online shop. Answer briefly and kindly. " * 10
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    body: dict[str, Any] = {"model": MODEL, "messages": messages}
    if controls:
        body["cache"] = controls
    return Request(path=PATH, body=msgspec.json.encode(body), key=KEY)


def encode(questions: Sequence[str], **controls: Any) -> list[bytes]:
    """The bytes of one request for each question."""
    return [chat_request(question, **controls).encode("127.0.0.1") for question in questions]


def run(*, seconds: float, calls: int) -> dict[str, Any]:
    """Measure every layer: `calls` one after the other, then 32 at once for `seconds`."""
    with Stack() as stack:
        stack.start_redis()
        stack.publish(bench_snapshot())
        sandbox_port = stack.start_sandbox()
        runtime_port = stack.start_runtime(sandbox_port=sandbox_port)
        answer_bytes = _warm(runtime_port)
        bare_port = _start_bare(stack, size=answer_bytes)
        measure = _Measurement(calls=calls, seconds=seconds)
        results: dict[str, Any] = {
            "bare": measure.fixed(bare_port, SEEDS[0], expected=""),
            "exact": measure.fixed(runtime_port, SEEDS[0], expected="exact"),
            "faq": measure.fixed(runtime_port, FAQ, expected="faq"),
            "semantic": measure.varied(runtime_port, encode(rephrasings()), expected="semantic"),
            **_forwarded(measure, runtime_port=runtime_port, sandbox_port=sandbox_port),
        }
    return {
        "bench": "http",
        "pinned": pinned(),
        "request_bytes": len(chat_request(SEEDS[0]).body),
        "answer_bytes": answer_bytes,
        "load": "wrk" if has_wrk() else "asyncio",
        **results,
        "ratios": _ratios(results),
    }


class _Measurement:
    """How long and how often is measured."""

    def __init__(self, *, calls: int, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds

    def fixed(self, port: int, question: str, *, expected: str) -> dict[str, Any]:
        """One unchanging request."""
        request = chat_request(question)
        data = request.encode("127.0.0.1")
        measure_latency(port, [data] * (self._calls // 5))
        latency = measure_latency(port, [data] * self._calls)
        _require_layer(latency.layers, expected)
        if has_wrk():
            rate = measure_with_wrk(port, request, connections=_CONNECTIONS, seconds=self._seconds)
        else:
            rate = measure_throughput(port, [data], connections=_CONNECTIONS, seconds=self._seconds)
        return {**asdict(latency), "requests_per_second": round(rate)}

    def varied(self, port: int, requests: Sequence[bytes], *, expected: str) -> dict[str, Any]:
        """A new text each time, so that the embedding is part of it."""
        latency = measure_latency(port, requests[: self._calls])
        _require_layer(latency.layers, expected)
        rate = measure_throughput(port, requests, connections=_CONNECTIONS, seconds=self._seconds)
        return {**asdict(latency), "requests_per_second": round(rate)}

    def latency(self, port: int, requests: Sequence[bytes]) -> dict[str, Any]:
        """Latency alone."""
        return asdict(measure_latency(port, requests[: self._calls]))


def _forwarded(
    measure: _Measurement, *, runtime_port: int, sandbox_port: int
) -> dict[str, dict[str, Any]]:
    """Calls that reach the provider, beside the same calls to the provider directly."""
    misses, bypasses = (list(islice(unlike_questions(seed), 1000)) for seed in (1, 2))
    return {
        "provider": measure.latency(sandbox_port, encode(bypasses)),
        "bypass": measure.latency(runtime_port, encode(bypasses, bypass=True, no_store=True)),
        "miss": measure.latency(runtime_port, encode(misses)),
    }


def _ratios(results: dict[str, Any]) -> dict[str, float]:
    bare, provider = results["bare"], results["provider"]["p50_ms"]
    rates = {
        f"{name}_rate_to_bare": results[name]["requests_per_second"] / bare["requests_per_second"]
        for name in ("exact", "faq", "semantic")
    }
    overheads = {
        f"{name}_overhead_ms": results[name]["p50_ms"] - provider for name in ("bypass", "miss")
    }
    return {name: round(value, 3) for name, value in (rates | overheads).items()}


def _warm(port: int) -> int:
    """Ask every seed until it is answered from the cache; returns the size of one answer."""
    connection = Connection(port)

    def is_stored(data: bytes) -> bool:
        return connection.exchange(data).header("x-cache-layer") == "exact"

    try:
        for data in encode(SEEDS):
            _until(partial(is_stored, data))
        return len(connection.exchange(encode(SEEDS[:1])[0]).body)
    finally:
        connection.close()


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("an answer was not stored")
        time.sleep(0.02)


def _start_bare(stack: Stack, *, size: int) -> int:
    port = free_port()
    argv = (sys.executable, "-m", "bench.bare", "--port", str(port), "--size", str(size))
    stack.run(*core_under_test(), *argv)
    _until(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
    return port


def _require_layer(layers: dict[str, int], expected: str) -> None:
    if layers.get(expected, 0) < 0.9 * sum(layers.values()):
        raise ValueError(f"answered by {layers}, not by {expected or 'no layer'}")
