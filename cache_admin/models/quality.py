"""What people say of answers, and what is learned from it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cache_admin.models.base import new_uid
from cache_admin.models.policies import Policy
from cache_admin.models.tenants import Tenant
from cache_admin.querysets import TenantOwnedQuerySet

MAX_QUESTION_LENGTH = 2_000


class LabelSource(models.TextChoices):
    """Whose word a label is."""

    FEEDBACK = "feedback", _("a user's feedback")
    REVIEW = "review", _("a person who compared")
    SAMPLE = "sample", _("a fresh answer compared with the stored one")
    IMPORT = "import", _("a file")


class LabelledPair(models.Model):
    """A question asked and a stored one: whether the stored answer was right for it.

    `digest` tells a pair within its policy; a later label takes the place of an earlier one.
    `similarity` is the cosine under `embedding_model`; None while nobody has needed it.
    """

    uid = models.CharField(max_length=16, unique=True, editable=False, default=new_uid)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="labelled_pairs")
    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="labelled_pairs")
    asked = models.TextField(_("question asked"), max_length=MAX_QUESTION_LENGTH)
    stored = models.TextField(_("question stored"), max_length=MAX_QUESTION_LENGTH)
    digest = models.CharField(max_length=64, editable=False)
    right = models.BooleanField(_("the stored answer is right"))
    source = models.CharField(_("source"), max_length=8, choices=LabelSource.choices)
    similarity = models.FloatField(null=True, blank=True, editable=False)
    embedding_model = models.CharField(max_length=200, blank=True, editable=False)
    at = models.DateTimeField(auto_now=True)

    objects = TenantOwnedQuerySet["LabelledPair"].as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["policy", "-id"], name="labelled_pair_policy_newest")]
        constraints = [
            models.UniqueConstraint(fields=["policy", "digest"], name="labelled_pair_once"),
            models.CheckConstraint(
                condition=Q(source__in=LabelSource.values), name="labelled_pair_source_known"
            ),
            models.CheckConstraint(
                condition=~Q(asked="") & ~Q(stored=""), name="labelled_pair_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.uid} {'right' if self.right else 'wrong'}"


class TrainingState(models.TextChoices):
    """How far a training is."""

    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class CheckTraining(models.Model):
    """A training of a policy's learned check, and what came of it.

    It changes nothing by itself: `check_values` (`routing.snapshot.LearnedCheck`) come into force
    when someone switches them on. `report` holds `quality.learning.HeldOut`. Progress counts pairs.
    `left_out` were too unlike, too long or vetoed by a guard, so that the check is never asked.
    """

    uid = models.CharField(max_length=16, unique=True, editable=False, default=new_uid)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="check_trainings")
    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="check_trainings")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_label = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(
        max_length=8, choices=TrainingState.choices, default=TrainingState.PENDING
    )
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(null=True, blank=True)
    pairs = models.PositiveIntegerField(null=True, blank=True)
    left_out = models.PositiveIntegerField(null=True, blank=True)
    embedding_model = models.CharField(max_length=200, blank=True)
    check_values = models.JSONField(null=True, blank=True, editable=False)
    report = models.JSONField(null=True, blank=True, editable=False)
    error = models.CharField(max_length=500, blank=True)

    objects = TenantOwnedQuerySet["CheckTraining"].as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["policy", "-id"], name="check_training_policy_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=TrainingState.values), name="check_training_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=TrainingState.DONE) | Q(check_values__isnull=False),
                name="check_training_done_has_values",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy} {self.state}"
