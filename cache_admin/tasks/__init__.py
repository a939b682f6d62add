"""Scheduled work. Each task only calls its service, and may run twice without harm."""

from __future__ import annotations

from celery import shared_task

from cache_admin.services import fleet, push, revisions


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
