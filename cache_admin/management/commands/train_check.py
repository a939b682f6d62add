"""`manage.py train_check`: learn from a policy's own labelled pairs, and switch the check on."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from cache_admin.errors import DomainError
from cache_admin.management.output import (
    as_json,
    command_actor,
    held_out_lines,
    refused,
    tenant_named,
)
from cache_admin.models import CheckTraining, LabelSource, Policy, TrainingState
from cache_admin.quality.labels import Label, label_pairs
from cache_admin.quality.learning import HeldOut
from cache_admin.quality.trainings import request_training, run_training, switch_on
from cache_admin.services.actor import Actor
from routing.errors import RepriseError

_LOOK_AGAIN_SECONDS = 1.0


class Command(BaseCommand):
    """Label, train, tell what it is worth, and switch it on when asked to."""

    help = "Trains a policy's learned check and tells what it is worth; off unless switched on."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("tenant", help="short name of the tenant")
        parser.add_argument("policy", help="name of the policy")
        parser.add_argument(
            "--pairs", type=Path, help='label these first: one {"a", "b", "same": 0 or 1} a line'
        )
        parser.add_argument(
            "--min-probability", type=float, help="switch it on: a hit needs this P(right)"
        )
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Label, train, switch on and print."""
        policy, actor = _policy(options["tenant"], options["policy"]), command_actor("train_check")
        bound = options["min_probability"]
        try:
            if options["pairs"]:
                _label(policy, options["pairs"], actor)
            training = _carried_out(request_training(policy=policy, actor=actor))
            if bound is not None:
                switch_on(training=training, actor=actor, min_probability=bound)
        except DomainError as error:
            raise refused(error) from error
        except RepriseError as error:
            raise CommandError(str(error)) from error
        held_out = msgspec.convert(training.report, HeldOut)
        if options["json"]:
            result = {"policy": policy.name, "left_out": training.left_out}
            report = {"held_out": training.report, "min_probability": bound}
            self.stdout.write(as_json({**result, **report}))
            return
        state = "off" if bound is None else f"on: a hit needs P >= {bound}"
        self.stdout.write("\n".join([*held_out_lines(held_out), f"The check is {state}."]))


def _policy(tenant: str, name: str) -> Policy:
    policies = Policy.objects.for_tenant(tenant_named(tenant))
    policy = policies.filter(name=name).first()
    if policy is None:
        known = ", ".join(policies.values_list("name", flat=True)) or "none yet"
        raise CommandError(f"There is no policy {name!r}; known: {known}.")
    return policy


def _label(policy: Policy, path: Path, actor: Actor) -> None:
    # Loads the engine's libraries, which only commands that measure have a use for.
    from routing.evaluation import read_pairs

    labels = [Label(pair.b, pair.a, right=pair.same == 1) for pair in read_pairs(path)]
    label_pairs(policy=policy, actor=actor, source=LabelSource.IMPORT, labels=labels)


def _carried_out(training: CheckTraining) -> CheckTraining:
    """Train here, or wait for the worker that has it. Raises CommandError when it fails."""
    run_training(training.pk)
    training.refresh_from_db()
    while training.state in (TrainingState.PENDING, TrainingState.RUNNING):
        time.sleep(_LOOK_AGAIN_SECONDS)
        training.refresh_from_db()
    if training.state == TrainingState.FAILED:
        raise CommandError(training.error)
    return training
