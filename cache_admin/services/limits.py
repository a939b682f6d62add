"""How much a tenant may keep in the cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cache_admin.models import EvictionChoice, Tenant, TenantLimits
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import current_or_new, validated


@dataclass(frozen=True, slots=True)
class LimitsSpec:
    """Entries and bytes; 0 stands for no limit of the tenant's own."""

    max_entries: int = 0
    max_bytes: int = 0
    eviction: str = EvictionChoice.LRU.value


def limits_of(tenant: Tenant) -> TenantLimits:
    """The tenant's limits; an unsaved row without any while there are none."""
    row = TenantLimits.objects.for_tenant(tenant).first()
    return row if row is not None else TenantLimits(tenant=tenant)


def update_limits(
    *, tenant: Tenant, actor: Actor, spec: LimitsSpec, expected_version: int | None
) -> TenantLimits:
    """Give the tenant the limits of `spec`; the row as saved is returned.

    Raises StaleEdit when `expected_version` is given and is no longer the current one, or
    InvalidInput. Saving the same values changes nothing.
    """
    with change(actor=actor, tenant=tenant) as journal:
        row = current_or_new(limits_of(tenant), expected_version=expected_version)
        before = limits_spec_of(row)
        if before == spec:
            return row
        row.version += 1
        write_limits(row, spec)
        journal.record("limits.updated", target=row, before=asdict(before), after=asdict(spec))
    return row


def limits_spec_of(limits: TenantLimits) -> LimitsSpec:
    """The values of `limits` as an edit would give them."""
    return LimitsSpec(
        max_entries=limits.max_entries,
        max_bytes=limits.max_bytes,
        eviction=str(limits.eviction),
    )


def write_limits(limits: TenantLimits, spec: LimitsSpec) -> None:
    """Save `limits` with the values of `spec`. Raises InvalidInput."""
    limits.max_entries, limits.max_bytes = spec.max_entries, spec.max_bytes
    limits.eviction = spec.eviction
    validated(limits).save()
