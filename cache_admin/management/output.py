"""What the commands share."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec
from django.core.management.base import CommandError

from cache_admin.errors import DomainError
from cache_admin.models import Tenant
from cache_admin.services.actor import Actor

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from cache_admin.quality.learning import HeldOut


def command_actor(name: str) -> Actor:
    """Who the audit names for a change made by a command."""
    return Actor.system(f"manage.py {name}")


def tenant_named(slug: str) -> Tenant:
    """The tenant with that short name. Raises CommandError naming those there are."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        known = ", ".join(Tenant.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no tenant {slug!r}; known: {known}.")
    return tenant


def refused(error: DomainError) -> CommandError:
    """A refusal of a service as a command tells it."""
    parts = [str(error), *(f"{name}: {text}" for name, text in error.fields.items())]
    return CommandError(" ".join(dict.fromkeys(parts)))


def as_json(result: DataclassInstance | dict[str, Any]) -> str:
    """One JSON object on one line; values that are None are left out."""
    values = result if isinstance(result, dict) else asdict(result)
    kept = {name: value for name, value in values.items() if value is not None}
    return msgspec.json.encode(kept).decode()


def held_out_lines(held_out: HeldOut) -> list[str]:
    """What a learned check is worth, in lines for people."""
    return [
        f"  {held_out.pairs} pairs, {held_out.right} right; AUC {held_out.auc:.3f}, by similarity "
        f"alone {held_out.auc_similarity:.3f}; Brier {held_out.brier:.3f}, calibration error "
        f"{held_out.calibration_error:.3f}",
        f"  without: {held_out.without.precision:.1%} of the hits right, "
        f"{held_out.without.recall:.1%} of what is right served",
        *(
            f"  P >= {point.min_probability}: {point.precision:.1%} right, {point.recall:.1%} "
            f"served (a higher threshold alone: {point.recall_by_similarity:.1%})"
            for point in held_out.points
        ),
    ]
