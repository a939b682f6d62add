"""Where calls for a model go."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput
from cache_admin.models import ModelRoute, Provider, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import validated


def save_route(
    *,
    tenant: Tenant,
    actor: Actor,
    model: str,
    target_model: str,
    group: str = "",
    provider: str = Provider.OPENAI.value,
) -> ModelRoute:
    """Send calls for `model` (a trailing ``*`` matches any ending) to `target_model`.

    Models of one `group` share cached answers; empty stands for the target's own. Replaces the
    route that `model` had. Raises InvalidInput.
    """
    if "*" in model.strip().removesuffix("*"):
        message = _("A * may only stand at the end.")
        raise InvalidInput(message, fields={"model": message})
    model, target_model = model.strip(), target_model.strip()
    with change(actor=actor, tenant=tenant) as journal:
        row = ModelRoute.objects.for_tenant(tenant).filter(model=model).first()
        before = _facts(row) if row else {}
        if row is None:
            row = ModelRoute(tenant=tenant, model=model)
        else:
            row.version += 1
        row.target_model, row.provider = target_model, provider
        row.group, row.enabled = group.strip() or target_model, True
        validated(row).save()
        journal.record("route.set", target=row, before=before, after=_facts(row))
    return row


def _facts(row: ModelRoute) -> dict[str, object]:
    return {
        "model": row.model,
        "target_model": row.target_model,
        "provider": row.provider,
        "group": row.group,
        "enabled": row.enabled,
    }
