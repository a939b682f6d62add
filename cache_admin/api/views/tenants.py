"""Tenants: the caller's own; only superusers create them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema

from cache_admin.api.access import actor_of, require_superuser, tenants_for
from cache_admin.api.openapi import CREATE, EDIT, PAGING, page_schema
from cache_admin.api.pagination import page_of
from cache_admin.api.preconditions import expected_version, merged, version_read
from cache_admin.api.responses import paged, shown, written
from cache_admin.api.serializers.tenants import NewTenantSerializer, TenantSerializer
from cache_admin.api.views.base import ApiView, TenantView, parsed, person_named
from cache_admin.models import Role
from cache_admin.services.tenants import create_tenant, update_tenant

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class TenantList(ApiView):
    @extend_schema(
        operation_id="tenants_list", parameters=PAGING, responses=page_schema(TenantSerializer)
    )
    def get(self, request: Request) -> Response:
        """The tenants that the caller works in."""
        return paged(page_of(tenants_for(request), request, by="slug"), TenantSerializer)

    @extend_schema(
        operation_id="tenants_create",
        parameters=CREATE,
        request=NewTenantSerializer,
        responses={201: TenantSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a tenant with the five ready policies. Superusers only."""
        require_superuser(request)
        values = parsed(NewTenantSerializer(data=request.data))
        owner = person_named(values.pop("owner"))
        tenant = create_tenant(actor=actor_of(request), owner=owner, **values)
        return written(tenant, TenantSerializer, status=201)


class TenantDetail(TenantView):
    write_role = Role.OWNER

    @extend_schema(operation_id="tenants_retrieve", responses=TenantSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One tenant."""
        return shown(self.tenant, TenantSerializer)

    @extend_schema(
        operation_id="tenants_replace",
        parameters=EDIT,
        request=TenantSerializer,
        responses=TenantSerializer,
    )
    def put(self, request: Request, slug: str) -> Response:
        """Replace a tenant's settings; what is left out takes its default."""
        expected = expected_version(request, self.tenant)
        values = parsed(TenantSerializer(self.tenant, data=request.data))
        return self._saved(request, values, expected=expected)

    @extend_schema(
        operation_id="tenants_update",
        parameters=EDIT,
        request=TenantSerializer,
        responses=TenantSerializer,
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change some of a tenant's settings."""
        return merged(request, lambda: self._patched(request))

    def _patched(self, request: Request) -> Response:
        self.tenant.refresh_from_db()
        expected = version_read(request, self.tenant)
        values = parsed(TenantSerializer(self.tenant, data=request.data, partial=True))
        return self._saved(request, values, expected=expected)

    def _saved(self, request: Request, values: dict[str, Any], *, expected: int | None) -> Response:
        tenant = update_tenant(
            tenant=self.tenant,
            actor=actor_of(request),
            name=values.get("name", self.tenant.name),
            language=values.get("language", self.tenant.language),
            enabled=values.get("enabled", self.tenant.enabled),
            embedding_model=values.get("embedding_model"),
            expected_version=expected,
        )
        return written(tenant, TenantSerializer)
