"""Training a policy's learned check from its own labelled pairs, and putting it in force.

A training is asked for here and carried out by a worker. What it learns is in force only once
someone switches it on, for the policy whose pairs it has seen and for no other.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cache_admin.errors import DomainError, InvalidInput, NotAllowed
from cache_admin.models import CheckTraining, LabelledPair, Policy, TrainingState
from cache_admin.quality.learning import learn, switched_on
from cache_admin.quality.observing import Compared, observe_pairs
from cache_admin.quality.setting import Measured, measured_setting
from cache_admin.quality.similarities import similarities
from cache_admin.queue import enqueue
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import Journal, change
from cache_admin.services.validation import current, validated
from routing.snapshot import LearnedCheck

logger = logging.getLogger(__name__)

TRAIN_TASK = "cache_admin.train_check"
LOST_AFTER = timedelta(minutes=10)
"""Silence after which a training counts as lost; preparing a model takes a minute."""

_WAITED = timedelta(seconds=30)
_MAX_ERROR_LENGTH = 500
_OPEN = (TrainingState.PENDING, TrainingState.RUNNING)


def request_training(*, policy: Policy, actor: Actor) -> CheckTraining:
    """Ask for a training. Raises NotAllowed while another of the policy is under way."""
    with transaction.atomic():
        row = current(policy, expected_version=None)
        if CheckTraining.objects.filter(policy=row, state__in=_OPEN).exists():
            raise NotAllowed(_("A training of this policy is under way."), code="under_way")
        training = CheckTraining.objects.create(
            tenant=row.tenant,
            policy=row,
            requested_by=actor.user,
            requested_label=actor.label,
        )
        Journal(actor, row.tenant).record("policy.training_requested", target=row)
        enqueue(TRAIN_TASK, training.pk)
    return training


def run_training(number: int) -> bool:
    """Carry out the training with this primary key if it waits; True when it was carried out."""
    now = timezone.now()
    waiting = CheckTraining.objects.filter(pk=number, state=TrainingState.PENDING)
    if waiting.update(state=TrainingState.RUNNING, heard_at=now) != 1:
        return False
    training = CheckTraining.objects.select_related("policy__tenant").get(pk=number)
    try:
        _train(training)
    except DomainError as error:
        fail_training(number, reason=str(error))
    return True


def fail_training(number: int, *, reason: str) -> None:
    """Note that the training with this primary key came to nothing."""
    CheckTraining.objects.filter(pk=number, state__in=_OPEN).update(
        state=TrainingState.FAILED, error=reason[:_MAX_ERROR_LENGTH], finished_at=timezone.now()
    )


def resume_trainings() -> int:
    """Give up what was lost, and send again what no worker took; how many were sent."""
    now = timezone.now()
    lost = CheckTraining.objects.filter(state=TrainingState.RUNNING, heard_at__lt=now - LOST_AFTER)
    for number in lost.values_list("pk", flat=True):
        fail_training(number, reason=_("The worker was interrupted."))
    waiting = CheckTraining.objects.filter(
        state=TrainingState.PENDING, created_at__lt=now - _WAITED
    )
    numbers = list(waiting.values_list("pk", flat=True))
    for number in numbers:
        enqueue(TRAIN_TASK, number)
    return len(numbers)


def switch_on(*, training: CheckTraining, actor: Actor, min_probability: float) -> Policy:
    """Put what `training` learned in force: a hit needs P(right) >= `min_probability`.

    The policy as saved is returned. Raises InvalidInput for a probability out of range, NotAllowed
    when the training is not done or was made with another embedding model.
    """
    if not 0 < min_probability < 1:
        message = _("Must be more than 0 and less than 1.")
        raise InvalidInput(message, fields={"min_probability": message})
    if training.check_values is None:
        raise NotAllowed(_("This training has not ended well."), code="not_trained")
    with change(actor=actor, tenant=training.tenant) as journal:
        row = current(training.policy, expected_version=None)
        measured = measured_setting(tenant=row.tenant, policy=row.name)
        if _model(measured) != training.embedding_model:
            message = _("The embedding model is another by now; train again.")
            raise NotAllowed(message, code="other_model")
        check = msgspec.convert(training.check_values, LearnedCheck)
        before = row.learned and row.learned["min_probability"]
        row.learned = msgspec.to_builtins(switched_on(check, min_probability=min_probability))
        row.version += 1
        validated(row).save()
        journal.record(
            "policy.learned_switched_on",
            target=row,
            before={"min_probability": before},
            after={"min_probability": min_probability, "pairs": check.pairs},
        )
    return row


def _train(training: CheckTraining) -> None:
    policy = training.policy
    measured = measured_setting(tenant=policy.tenant, policy=policy.name)
    pairs = list(LabelledPair.objects.filter(policy=policy).order_by("pk"))
    training.progress_total = len(pairs)
    training.embedding_model = _model(measured)
    _measure(pairs, training)
    observed = observe_pairs(
        (Compared(row.asked, row.stored, row.similarity, row.right) for row in pairs), measured
    )
    learned = learn(observed, min_similarity=measured.policy.min_similarity, now=timezone.now())
    training.pairs, training.left_out = len(observed), len(pairs) - len(observed)
    training.check_values = msgspec.to_builtins(learned.check)
    training.report = msgspec.to_builtins(learned.held_out)
    training.state = TrainingState.DONE
    training.finished_at = timezone.now()
    training.save()
    logger.info("training.done uid=%s pairs=%d", training.uid, training.pairs)


def _measure(pairs: Sequence[LabelledPair], training: CheckTraining) -> None:
    """Give every pair its similarity under the training's model, and keep it."""
    model = training.embedding_model
    unknown = [pair for pair in pairs if pair.embedding_model != model]
    if unknown and ":" in model:
        message = _("Only with a local embedding model can a check be trained.")
        raise NotAllowed(message, code="remote_model")
    _tell(training, done=len(pairs) - len(unknown))
    waiting = iter(unknown)
    asked = [(pair.asked, pair.stored) for pair in unknown]
    for chunk in similarities(asked, model=model, cache_dir=settings.DATA_DIR / "models"):
        rows = [next(waiting) for _similarity in chunk.similarities]
        for row, similarity in zip(rows, chunk.similarities, strict=True):
            row.similarity, row.embedding_model = similarity, model
        LabelledPair.objects.bulk_update(rows, ["similarity", "embedding_model"])
        _tell(training, done=training.progress_done + len(rows))


def _tell(training: CheckTraining, *, done: int) -> None:
    training.progress_done, training.heard_at = done, timezone.now()
    training.save(update_fields=["progress_done", "progress_total", "heard_at"])


def _model(measured: Measured) -> str:
    return measured.embedding_model or str(settings.EMBEDDING_MODEL)
