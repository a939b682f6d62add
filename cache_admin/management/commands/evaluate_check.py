"""`manage.py evaluate_check`: what a learned check would be worth, over files of labelled pairs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from msgspec import Struct

from cache_admin.errors import DomainError
from cache_admin.management.output import held_out_lines, refused, tenant_named
from cache_admin.quality.learning import HeldOut, Learned, Observed, judge, learn
from cache_admin.quality.observing import Compared, observe_pairs
from cache_admin.quality.setting import Measured, measured_setting
from cache_admin.quality.similarities import similarities
from routing.errors import RepriseError
from routing.learned import FEATURES, probability

_SIMILARITY = FEATURES.index("similarity")


class Worth(Struct, frozen=True):
    """What was learned, over the pairs it was trained on (each judged by a model that has not seen
    its stored question), and over other pairs."""

    coefficients: dict[str, float]
    cross_validated: HeldOut
    held_out: HeldOut | None


class Command(BaseCommand):
    """Train on one file, judge on another, and keep nothing."""

    help = "Trains a check on labelled pairs and tells what it is worth; changes no policy."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("train", type=Path, help='one {"a", "b", "same": 0 or 1} a line')
        parser.add_argument("--pairs", type=Path, help="judge on these pairs, too")
        parser.add_argument("--tenant", help="whose policy, lexicon and never-merge pairs to use")
        parser.add_argument("--policy", help="name of the policy (default: 0.79 and all guards)")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Train, judge and print."""
        tenant = tenant_named(options["tenant"]) if options["tenant"] else None
        try:
            measured = measured_setting(tenant=tenant, policy=options["policy"])
            threshold = measured.policy.min_similarity
            learned = learn(
                _observed(options["train"], measured), min_similarity=threshold, now=timezone.now()
            )
            other = options["pairs"] and _judged(_observed(options["pairs"], measured), learned)
        except DomainError as error:
            raise refused(error) from error
        except RepriseError as error:
            raise CommandError(str(error)) from error
        check = learned.check
        worth = Worth(
            coefficients=dict(zip(check.features, check.coefficients, strict=True)),
            cross_validated=learned.held_out,
            held_out=other,
        )
        self.stdout.write(
            msgspec.json.encode(worth).decode() if options["json"] else _describe(worth)
        )


def _observed(path: Path, measured: Measured) -> list[Observed]:
    # Loads the engine's libraries, which no other command but evaluate_cache has a use for.
    from routing.evaluation import read_pairs

    pairs = read_pairs(path)
    model = measured.embedding_model or settings.EMBEDDING_MODEL
    chunks = similarities(
        [(pair.b, pair.a) for pair in pairs], model=model, cache_dir=settings.DATA_DIR / "models"
    )
    cosines = [cosine for chunk in chunks for cosine in chunk.similarities]
    return observe_pairs(
        (
            Compared(pair.b, pair.a, cosine, right=pair.same == 1)
            for pair, cosine in zip(pairs, cosines, strict=True)
        ),
        measured,
    )


def _judged(pairs: list[Observed], learned: Learned) -> HeldOut:
    if len({pair.right for pair in pairs}) < 2:
        raise CommandError("--pairs must hold pairs of both kinds")
    return judge(
        np.array(
            [
                probability(learned.check, dict(zip(FEATURES, pair.values, strict=True)))
                for pair in pairs
            ]
        ),
        np.array([pair.values[_SIMILARITY] for pair in pairs]),
        np.array([pair.right for pair in pairs]),
        min_similarity=learned.held_out.min_similarity,
    )


def _describe(worth: Worth) -> str:
    parts = ["cross-validated", *held_out_lines(worth.cross_validated)]
    if worth.held_out is not None:
        parts += ["held out", *held_out_lines(worth.held_out)]
    return "\n".join(parts)
