"""`python -m bench.embedding [--json]`: what turning one short text into a vector costs here."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path

from routing.embedding.runtime import Embedder

MODELS = Path(__file__).resolve().parent.parent / "var" / "models"
ASKERS = 32

# 6, 14 and 30 words of one token each; the model adds two.
TEXTS = {tokens: " ".join(["order"] * (tokens - 2)) for tokens in (8, 16, 32)}


def main() -> None:
    """Measure with one and two workers; print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.embedding", description=__doc__)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--calls", type=int, default=500, help="of each run")
    parser.add_argument("--json", action="store_true", help="one line instead of indented")
    options = parser.parse_args()
    runs = [
        asyncio.run(_measure(options.model, workers=workers, calls=options.calls))
        for workers in (1, 2)
    ]
    result = {"benchmark": "embedding", "model": options.model, "runs": runs}
    print(json.dumps(result, indent=None if options.json else 2), flush=True)


async def _measure(model: str, *, workers: int, calls: int) -> dict[str, object]:
    started = time.perf_counter()
    embedder = Embedder(model, cache_dir=MODELS, workers=workers)
    await embedder.start()
    loaded = time.perf_counter() - started
    one_by_one: dict[str, dict[str, float]] = {}
    for tokens, text in TEXTS.items():
        times = []
        for _ in range(calls):
            before = time.perf_counter()
            await embedder.embed(text)
            times.append((time.perf_counter() - before) * 1000)
        one_by_one[str(tokens)] = _summary(times)

    waits: list[float] = []

    async def ask(share: int) -> None:
        for _ in range(share):
            before = time.perf_counter()
            await embedder.embed(TEXTS[16])
            waits.append((time.perf_counter() - before) * 1000)

    before = time.perf_counter()
    await asyncio.gather(*(ask(calls // ASKERS + 1) for _ in range(ASKERS)))
    seconds = time.perf_counter() - before
    resident = _resident_mb()
    await embedder.close()
    return {
        "workers": workers,
        "start_seconds": round(loaded, 2),
        "one_by_one_ms_by_tokens": one_by_one,
        f"with_{ASKERS}_askers": {"per_second": round(len(waits) / seconds), **_summary(waits)},
        "resident_mb": resident,
    }


def _summary(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}


def _resident_mb() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("VmRSS:")]
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
