"""Labelled pairs: what people, feedback and samples say of a stored answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput, NotAllowed
from cache_admin.models import LabelledPair, LabelSource, Policy
from cache_admin.models.quality import MAX_QUESTION_LENGTH
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import Journal
from cache_admin.services.validation import is_text
from routing.normalize import normalize_query

MAX_PAIRS = 100_000
_BATCH = 1_000
_UPDATED = ("asked", "stored", "right", "source", "at")


@dataclass(frozen=True, slots=True)
class Label:
    """A word on a question asked and a stored one: whether the stored answer was right for it."""

    asked: str
    stored: str
    right: bool


@dataclass(frozen=True, slots=True)
class Labelled:
    """How many pairs were `new`, and how many were there already."""

    new: int
    repeated: int


def label_pairs(
    *, policy: Policy, actor: Actor, source: LabelSource, labels: Sequence[Label]
) -> Labelled:
    """Keep `labels`; of two for one pair the later counts.

    Raises InvalidInput when a question is empty, too long or cannot be kept, NotAllowed when there
    would be too many.
    """
    rows = {row.digest: row for row in (_row(policy, source, label) for label in labels)}
    with transaction.atomic():
        of_policy = LabelledPair.objects.filter(policy=policy)
        before = of_policy.count()
        LabelledPair.objects.bulk_create(
            rows.values(),
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=["policy", "digest"],
            update_fields=_UPDATED,
        )
        after = of_policy.count()
        if after > MAX_PAIRS:
            message = _("Keep at most %(limit)d labelled pairs for a policy.")
            raise NotAllowed(message % {"limit": MAX_PAIRS}, code="limit_reached")
        new = after - before
        Journal(actor, policy.tenant).record(
            "policy.labelled", target=policy, after={"labels": len(rows), "source": source.value}
        )
    return Labelled(new=new, repeated=len(labels) - new)


def delete_label(*, pair: LabelledPair, actor: Actor) -> None:
    """Remove a pair; a check that was trained with it stays as it is."""
    with transaction.atomic():
        Journal(actor, pair.tenant).record(
            "labelled_pair.deleted", target=pair, before={"right": pair.right}
        )
        pair.delete()


def _row(policy: Policy, source: LabelSource, label: Label) -> LabelledPair:
    asked, stored = normalize_query(label.asked), normalize_query(label.stored)
    for name, text in (("asked", asked), ("stored", stored)):
        if not text or len(text) > MAX_QUESTION_LENGTH or not is_text(text):
            message = _("Write a question of at most %(limit)d characters.")
            message = message % {"limit": MAX_QUESTION_LENGTH}
            raise InvalidInput(message, fields={name: message})
    return LabelledPair(
        tenant=policy.tenant,
        policy=policy,
        asked=asked,
        stored=stored,
        digest=hashlib.sha256(f"{len(asked)}:{asked}{stored}".encode()).hexdigest(),
        right=label.right,
        source=source,
        at=timezone.now(),
    )
