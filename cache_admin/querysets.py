"""Tenancy and permission live here, so that every surface obeys one rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from cache_admin.models.tenants import Tenant

ModelT = TypeVar("ModelT", bound=models.Model)

_ROLES_FROM: dict[str, tuple[str, ...]] = {
    "viewer": ("viewer", "curator", "operator", "owner"),
    "curator": ("curator", "operator", "owner"),
    "operator": ("operator", "owner"),
    "owner": ("owner",),
}


class TenantQuerySet(models.QuerySet["Tenant"]):
    """Tenants, narrowed to those a person may work in."""

    def visible_to(
        self, user: AbstractBaseUser | AnonymousUser, *, role: str = "viewer"
    ) -> TenantQuerySet:
        """Tenants in which `user` holds at least `role`. Superusers hold every role."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if getattr(user, "is_superuser", False):
            return self
        return self.filter(
            Q(memberships__user=user) & Q(memberships__role__in=_ROLES_FROM[role])
        ).distinct()


class TenantOwnedQuerySet(models.QuerySet[ModelT]):
    """Rows that belong to one tenant."""

    def for_tenant(self, tenant: Tenant) -> Self:
        """Only the rows of `tenant`."""
        filters: dict[str, Any] = {"tenant": tenant}
        return self.filter(**filters)
