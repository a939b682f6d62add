"""`manage.py evaluate_cache`: how right the cache is, over labelled questions."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from cache_admin.errors import DomainError
from cache_admin.management.output import refused, tenant_named
from cache_admin.quality.setting import Measured, measured_setting
from routing.errors import RepriseError
from routing.snapshot import GuardName

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from routing.evaluation import CuratedQuestion, PairsResult, Setting, StreamResult

Result = TypeVar("Result")


class Command(BaseCommand):
    """Measure a policy over a file of labelled pairs or of a labelled stream."""

    help = (
        "Sends labelled questions through the engine, in a scratch tenant of the real Redis, and "
        "tells how many were answered and how many of those wrongly."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        data = parser.add_mutually_exclusive_group(required=True)
        data.add_argument("--pairs", type=Path, help='one {"a", "b", "same": 0 or 1} a line')
        data.add_argument("--stream", type=Path, help='one {"text", "answer_id"} a line, in order')
        parser.add_argument("--tenant", help="whose policy, lexicon and never-merge pairs to use")
        parser.add_argument("--policy", help="name of the policy (default: 0.79 and all guards)")
        parser.add_argument("--min-similarity", type=_share, help="instead of the policy's")
        parser.add_argument("--min-margin", type=_share, help="instead of the policy's")
        parser.add_argument(
            "--no-guards", action="store_true", help="switch off every guard but never_merge"
        )
        parser.add_argument(
            "--disable-guard",
            action="append",
            default=[],
            choices=[name.value for name in GuardName],
            help="switch off one guard; may be repeated",
        )
        parser.add_argument(
            "--partition-by", default="", help="field of the stream whose values share nothing"
        )
        parser.add_argument("--limit", type=int, help="use only the first rows")
        parser.add_argument(
            "--seed-faq",
            type=Path,
            help='curated questions, one {"question", "answer_id", "aliases"} a line',
        )
        parser.add_argument("--report", type=Path, help="also write the curve as an HTML page")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Measure, print, and write the report."""
        _check(options)
        try:
            measured = _measured(options)
            pairs = options["pairs"] is not None
            result = (
                _measure_pairs(options, measured) if pairs else _measure_stream(options, measured)
            )
        except DomainError as error:
            raise refused(error) from error
        except RepriseError as error:
            raise CommandError(str(error)) from error
        if options["report"] is not None:
            _write_report(options["report"], result, source=(options["pairs"] or options["stream"]))
        self.stdout.write(
            msgspec.json.encode(result).decode() if options["json"] else _describe(result)
        )


class _Progress:
    """One progress bar a stage, on the error output. Ends the work once it is told to stop."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._stage = ""
        self._stopped = False

    def stop(self) -> None:
        """Have the next step end the work."""
        self._stopped = True

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._stopped:
            raise asyncio.CancelledError
        if stage != self._stage or self._bar is None:
            self.close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=stage, file=sys.stderr, mininterval=0.5)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the last bar as it stands."""
        if self._bar is not None:
            self._bar.close()


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def _check(options: dict[str, Any]) -> None:
    if options["limit"] is not None and options["limit"] < 1:
        raise CommandError("--limit must be at least 1")
    for name in ("partition_by", "seed_faq"):
        if options["pairs"] is not None and options[name]:
            raise CommandError(f"--{name.replace('_', '-')} goes with --stream")
    if options["report"] is not None and not options["report"].absolute().parent.is_dir():
        raise CommandError(f"{options['report']} cannot be written: no such directory")


def _measured(options: dict[str, Any]) -> Measured:
    tenant = tenant_named(options["tenant"]) if options["tenant"] else None
    measured = measured_setting(tenant=tenant, policy=options["policy"])
    changes = {
        name: options[name]
        for name in ("min_similarity", "min_margin")
        if options[name] is not None
    }
    if options["no_guards"]:
        changes["disabled_guards"] = tuple(GuardName)
    elif options["disable_guard"]:
        disabled = {*measured.policy.disabled_guards, *map(GuardName, options["disable_guard"])}
        changes["disabled_guards"] = tuple(sorted(disabled))
    return measured.with_policy(msgspec.structs.replace(measured.policy, **changes))


def _measure_pairs(options: dict[str, Any], measured: Measured) -> PairsResult:
    # Loads the embedding model's libraries, which no other command has a use for.
    from routing.evaluation import evaluate_pairs, read_pairs

    pairs = read_pairs(options["pairs"], limit=options["limit"])
    progress = _Progress()
    return _run(
        evaluate_pairs(
            pairs,
            setting=_setting(measured),
            redis_url=settings.REDIS_URL,
            model=measured.embedding_model or settings.EMBEDDING_MODEL,
            models_dir=settings.DATA_DIR / "models",
            on_progress=progress,
        ),
        progress,
    )


def _measure_stream(options: dict[str, Any], measured: Measured) -> StreamResult:
    from routing.evaluation import evaluate_stream, read_curated, read_stream

    questions = read_stream(
        options["stream"], limit=options["limit"], partition_by=options["partition_by"]
    )
    curated = read_curated(options["seed_faq"]) if options["seed_faq"] else ()
    progress = _Progress()
    return _run(
        evaluate_stream(
            questions,
            setting=_setting(measured, curated),
            redis_url=settings.REDIS_URL,
            model=measured.embedding_model or settings.EMBEDDING_MODEL,
            models_dir=settings.DATA_DIR / "models",
            on_progress=progress,
        ),
        progress,
    )


def _setting(measured: Measured, curated: tuple[CuratedQuestion, ...] = ()) -> Setting:
    from routing.evaluation import Setting

    return Setting(
        policy=measured.policy,
        language=measured.language,
        lexicon=measured.lexicon,
        never_merge=measured.never_merge,
        curated=curated,
    )


def _run(work: Coroutine[Any, Any, Result], progress: _Progress) -> Result:
    # Not by cancelling a task, which the Redis client may swallow: at the next step of progress,
    # and never while what was stored is being removed.
    before = {
        number: signal.signal(number, lambda *_args: progress.stop())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        raise CommandError("stopped; what was stored for the measurement is removed") from None
    finally:
        progress.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_report(path: Path, result: PairsResult | StreamResult, *, source: Path) -> None:
    from cache_admin.quality.report import pairs_report, stream_report
    from routing.evaluation import PairsResult

    if isinstance(result, PairsResult):
        page = pairs_report(result, source=source.name)
    else:
        page = stream_report(result, source=source.name)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error


def _describe(result: PairsResult | StreamResult) -> str:
    from routing.evaluation import PairsResult

    if isinstance(result, PairsResult):
        return _describe_pairs(result)
    layers = result.by_layer
    return "\n".join(
        (
            f"{result.n} questions in {result.seconds} s at min_similarity "
            f"{result.min_similarity:g}, min_margin {result.min_margin:g}",
            f"{result.hits} hits ({result.hit_rate:.1%}): faq {layers.faq}, exact {layers.exact}, "
            f"semantic {layers.semantic}",
            f"{result.wrong_hits} of them wrong: {result.wrong_per_hit:.2%} of the hits, "
            f"{result.wrong_per_query:.2%} of the questions",
        )
    )


def _describe_pairs(result: PairsResult) -> str:
    objections = ", ".join(f"{name} {count}" for name, count in result.guards.items()) or "none"
    return "\n".join(
        (
            f"{result.n} pairs in {result.seconds} s at min_similarity {result.min_similarity:g}",
            f"same answer: {result.hit_rate_same:.1%} of {result.positives} hit",
            f"other answer: {result.hit_rate_different:.1%} of {result.negatives} hit",
            f"right among hits: {result.precision:.1%}",
            f"guards objected to: {objections}",
        )
    )
