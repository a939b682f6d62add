"""What a caller may do. A tenant the caller has no place in does not exist for them (404)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.throttling import SimpleRateThrottle

from cache_admin.models import ApiKey, KeyScope, Role, Tenant
from cache_admin.services.actor import Actor

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from cache_admin.querysets import TenantQuerySet

_ROLE_OF_SCOPE = {KeyScope.READ: Role.VIEWER, KeyScope.WRITE: Role.OPERATOR}
_RANK = {role: rank for rank, role in enumerate(Role)}


class ManagementAccess(BasePermission):
    """A signed-in person, or a key with scope read or write. Everyone else is refused."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        key = key_of(request)
        if key is not None:
            return role_of_key(key) is not None
        return request.user.is_authenticated and request.user.is_active


class PrincipalThrottle(SimpleRateThrottle):
    """So many requests a minute for each person and each key, in each console process."""

    scope = "principal"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        key = key_of(request)
        ident = f"user:{request.user.pk}" if key is None else f"key:{key.uid}"
        return self.cache_format % {"scope": self.scope, "ident": ident}


def key_of(request: Request) -> ApiKey | None:
    """The key that authenticated `request`; None for a session."""
    return request.auth if isinstance(request.auth, ApiKey) else None


def role_of_key(key: ApiKey) -> Role | None:
    """What the key's scopes are worth; None when it opens nothing here."""
    roles = [role for scope, role in _ROLE_OF_SCOPE.items() if scope in key.scopes]
    return max(roles, key=lambda role: _RANK[role], default=None)


def tenants_for(request: Request, *, role: Role = Role.VIEWER) -> TenantQuerySet:
    """The tenants in which the caller holds at least `role`."""
    key = key_of(request)
    if key is None:
        return Tenant.objects.visible_to(request.user, role=role)
    held = role_of_key(key)
    if held is None or _RANK[held] < _RANK[role]:
        return Tenant.objects.none()
    return Tenant.objects.filter(pk=key.tenant_id)


def tenant_for(request: Request, slug: str, *, role: Role) -> Tenant:
    """The tenant `slug`.

    Raises Http404 when the caller has no place in it, PermissionDenied below `role`.
    """
    tenant = tenants_for(request, role=role).filter(slug=slug).first()
    if tenant is not None:
        return tenant
    if tenants_for(request).filter(slug=slug).exists():
        raise PermissionDenied
    raise Http404


def require_superuser(request: Request) -> None:
    """Raise PermissionDenied unless the caller is a signed-in superuser."""
    if key_of(request) is not None or not request.user.is_superuser:
        raise PermissionDenied


def actor_of(request: Request) -> Actor:
    """Who the audit log names for a write of this request."""
    key = key_of(request)
    if key is not None:
        return Actor.of_key(key)
    if isinstance(request.user, AnonymousUser):
        raise NotAuthenticated
    return Actor.of(request.user)
