"""`manage.py replay`: real HTTP traffic from a file of questions, through the official client."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import openai
from django.core.management.base import BaseCommand, CommandError
from msgspec import Struct
from tqdm import tqdm

_LAYERS = ("faq", "exact", "semantic", "none")
_NANOUSD = Decimal(10**9)


class Question(Struct, frozen=True):
    """One line of the file; `t` is the recorded time in seconds, needed for --speed only."""

    text: str
    t: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When calls may start: `rate` calls a second, or the recorded times `speed` times as fast.

    With neither, each call starts as soon as one of the `concurrency` places is free.
    """

    concurrency: int
    rate: float | None = None
    speed: float | None = None

    def due_seconds(self, index: int, question: Question) -> float:
        """How long after the start of the replay call `index` may start."""
        if self.rate is not None:
            return index / self.rate
        if self.speed is not None:
            return question.t / self.speed
        return 0.0


@dataclass(slots=True)
class Tally:
    """What the client saw. Tokens are those of calls that reached the provider."""

    by_layer: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanousd: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def summary(self, *, seconds: float) -> dict[str, Any]:
        """The closing summary, as printed by --json."""
        layers = {layer: self.by_layer[layer] for layer in _LAYERS}
        answered = sum(layers.values())
        return {
            "calls": answered + self.errors.total(),
            "hits": answered - layers["none"],
            "by_layer": layers,
            "errors": self.errors.total(),
            "errors_by_code": dict(self.errors),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_nanousd": self.cost_nanousd,
            "seconds": round(seconds, 3),
            "p50_ms": percentile(self.latencies_ms, 0.50),
            "p99_ms": percentile(self.latencies_ms, 0.99),
        }


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of `values` do not exceed; None when there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)


def read_questions(path: Path) -> Iterator[Question]:
    """The questions in `path`, one JSON object a line.

    Raises CommandError naming the first line that is none.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield msgspec.json.decode(line, type=Question)
                except msgspec.MsgspecError as error:
                    raise CommandError(f"{path}, line {number}: {error}") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error


async def replay(
    questions: Sequence[Question],
    *,
    client: openai.AsyncOpenAI,
    model: str,
    pace: Pace,
    progress: tqdm[Any],
) -> Tally:
    """Ask every question once, in order, at `pace`."""
    tally = Tally()
    pending = iter(enumerate(questions))
    started = time.monotonic()

    async def worker() -> None:
        for index, question in pending:
            wait = started + pace.due_seconds(index, question) - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            await _ask(question, client=client, model=model, tally=tally)
            progress.update()

    async with asyncio.TaskGroup() as group:
        for _ in range(pace.concurrency):
            group.create_task(worker())
    return tally


async def _ask(question: Question, *, client: openai.AsyncOpenAI, model: str, tally: Tally) -> None:
    started = time.perf_counter()
    try:
        response = await client.chat.completions.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": question.text}]
        )
    except openai.APIStatusError as error:
        tally.errors[str(error.status_code)] += 1
        return
    except openai.APIConnectionError as error:
        tally.errors[type(error).__name__] += 1
        return
    tally.latencies_ms.append((time.perf_counter() - started) * 1000)
    try:
        cost = _nanousd(response.headers.get("x-cost-usd", "0"))
    except InvalidOperation:
        tally.errors["malformed_cost"] += 1
        return
    layer = response.headers.get("x-cache-layer", "none")
    tally.by_layer[layer] += 1
    if layer == "none" and (usage := response.parse().usage) is not None:
        tally.input_tokens += usage.prompt_tokens
        tally.output_tokens += usage.completion_tokens
    tally.cost_nanousd += cost


def _nanousd(text: str) -> int:
    return int(Decimal(text) * _NANOUSD)


class Command(BaseCommand):
    """Replay a file of questions against a running endpoint."""

    help = "Sends every question of a JSONL file to an OpenAI-compatible endpoint and sums up."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", type=Path, help='one {"text": ..., "t": seconds} a line')
        parser.add_argument("--base-url", required=True, help="such as http://127.0.0.1:8080/v1")
        parser.add_argument("--key", required=True, help="an app key")
        parser.add_argument("--model", default="gpt-4o-mini")
        parser.add_argument("--concurrency", type=int, default=4)
        parser.add_argument("--limit", type=int, help="send only the first questions")
        parser.add_argument(
            "--retries", type=int, default=0, help="how often a call that fails is sent again"
        )
        pace = parser.add_mutually_exclusive_group()
        pace.add_argument("--rate", type=float, help="calls per second")
        pace.add_argument("--speed", type=float, help="recorded times, so many times as fast")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Replay and print the summary; fails when not one call was answered."""
        for name in ("concurrency", "limit", "rate", "speed"):
            if options[name] is not None and options[name] <= 0:
                raise CommandError(f"--{name} must be greater than 0")
        questions = list(islice(read_questions(options["file"]), options["limit"]))
        # It logs the address of every call, through the progress bar.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        pace = Pace(options["concurrency"], rate=options["rate"], speed=options["speed"])
        started = time.monotonic()
        tally = asyncio.run(_run(questions, pace=pace, options=options))
        summary = tally.summary(seconds=time.monotonic() - started)
        self.stdout.write(json.dumps(summary) if options["json"] else _describe(summary))
        if questions and summary["errors"] == summary["calls"]:
            raise CommandError(f"{options['base_url']} answered no call: {dict(tally.errors)}")


async def _run(questions: list[Question], *, pace: Pace, options: dict[str, Any]) -> Tally:
    async with openai.AsyncOpenAI(
        base_url=options["base_url"],
        api_key=options["key"],
        max_retries=options["retries"],
        http_client=openai.DefaultAioHttpClient(),
    ) as client:
        with tqdm(total=len(questions), unit="call", file=sys.stderr) as progress:
            return await replay(
                questions, client=client, model=options["model"], pace=pace, progress=progress
            )


def _describe(summary: dict[str, Any]) -> str:
    layers = ", ".join(f"{layer} {count}" for layer, count in summary["by_layer"].items())
    answered = max(1, summary["calls"] - summary["errors"])
    cost = Decimal(summary["cost_nanousd"]) / _NANOUSD
    return "\n".join(
        (
            f"{summary['calls']} calls in {summary['seconds']} s, {summary['errors']} errors",
            f"{summary['hits']} hits ({100 * summary['hits'] / answered:.1f} %): {layers}",
            f"{summary['input_tokens']} input and {summary['output_tokens']} output tokens paid, "
            f"{cost:f} USD",
            f"latency p50 {summary['p50_ms']} ms, p99 {summary['p99_ms']} ms",
        )
    )
