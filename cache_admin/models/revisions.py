"""Published configuration and the runtimes that obey it."""

from __future__ import annotations

import zlib

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.tenants import Tenant

_FASTEST = 1
"""A save waits for the compression; more of it would win little."""


class Revision(models.Model):
    """One immutable snapshot of the whole configuration, as pushed to the runtimes.

    `tenant` is the tenant whose edit caused it; empty when it concerns all. `restores` is the
    revision whose content a rollback brought back. `author_label` outlives the account. `diff`
    lists what changed against the one before: ``[{"path", "before", "after"}]``, and `summary` is
    what lists show of it. `diff` and `body` may be large: defer what is not shown.
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    digest = models.CharField(max_length=64, editable=False)
    tenant = models.ForeignKey(
        Tenant, null=True, blank=True, on_delete=models.SET_NULL, related_name="revisions"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_label = models.CharField(max_length=150, editable=False)
    note = models.CharField(_("note"), max_length=500, blank=True)
    restores = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    pushed_at = models.DateTimeField(null=True, blank=True)
    summary = models.JSONField(default=list, editable=False)
    # Last, because SQLite reads through what stands before the columns it wants.
    diff = models.JSONField(default=list, editable=False)
    body = models.BinaryField(editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=Q(number__gte=1), name="revision_number_positive"),
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="revision_digest_form"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"

    @property
    def snapshot_body(self) -> bytes:
        """The exact bytes of the snapshot; empty once they have been pruned."""
        return zlib.decompress(self.body) if self.body else b""

    @staticmethod
    def packed(snapshot_body: bytes) -> bytes:
        """What `body` keeps of a snapshot's bytes."""
        return zlib.compress(snapshot_body, level=_FASTEST)


class RuntimeInstance(models.Model):
    """A runtime process as it last described itself. `embedding_models` holds its
    `routing.snapshot.LoadedModel` as JSON."""

    instance = models.CharField(max_length=120, primary_key=True)
    release = models.CharField(max_length=40)
    revision = models.PositiveBigIntegerField()
    embedding_model = models.CharField(max_length=200, blank=True)
    embedding_models = models.JSONField(default=list)
    redis_ok = models.BooleanField(default=True)
    events_spooled = models.PositiveBigIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["instance"]

    def __str__(self) -> str:
        return self.instance


class Mutex(models.Model):
    """A row to lock when two processes must take turns (publishing, ingesting)."""

    name = models.CharField(max_length=40, primary_key=True)

    def __str__(self) -> str:
        return self.name
