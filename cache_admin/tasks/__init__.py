"""Scheduled work. Each task only calls its service, and may run twice without harm."""

from __future__ import annotations

import logging

from celery import shared_task

from cache_admin.quality import trainings
from cache_admin.quality.trainings import TRAIN_TASK
from cache_admin.services import fleet, push, removal, revisions
from cache_admin.services.invalidations import RUN_TASK

logger = logging.getLogger(__name__)

_HOURS = 3600


@shared_task(name="cache_admin.push_pending")
def push_pending() -> int:
    """Bring the latest revision to Redis if it is not there."""
    return push.push_pending()


@shared_task(name="cache_admin.sync_runtimes")
def sync_runtimes() -> int:
    """Take over what the runtimes say of themselves."""
    return fleet.sync_runtimes()


@shared_task(name="cache_admin.prune_revisions")
def prune_revisions() -> int:
    """Drop the bodies of old revisions."""
    return revisions.prune_revisions()


@shared_task(name=RUN_TASK, time_limit=6 * _HOURS)
def run_invalidation(number: int) -> bool:
    """Remove what someone asked to be removed."""
    try:
        return removal.run_invalidation(number)
    except Exception as error:
        logger.exception("invalidation.failed id=%d", number)
        removal.fail_invalidation(number, reason=type(error).__name__)
        return False


@shared_task(name="cache_admin.resume_invalidations")
def resume_invalidations() -> int:
    """Start what was left lying."""
    return removal.resume_invalidations()


@shared_task(name=TRAIN_TASK, time_limit=_HOURS)
def train_check(number: int) -> bool:
    """Learn from a policy's labelled pairs."""
    try:
        return trainings.run_training(number)
    except Exception as error:
        logger.exception("training.failed id=%d", number)
        trainings.fail_training(number, reason=type(error).__name__)
        return False


@shared_task(name="cache_admin.resume_trainings")
def resume_trainings() -> int:
    """Start what was left lying, and give up what was lost."""
    return trainings.resume_trainings()
