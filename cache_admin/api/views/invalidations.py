"""Removing stored answers by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from cache_admin.api.access import actor_of
from cache_admin.api.openapi import PAGING, REVISION, page_schema
from cache_admin.api.pagination import page_of
from cache_admin.api.responses import paged, revision_header
from cache_admin.api.serializers.invalidations import (
    ClearInputSerializer,
    ClearPreviewSerializer,
    InvalidationSerializer,
    NewInvalidationSerializer,
)
from cache_admin.api.views.base import TenantView, parsed
from cache_admin.models import Invalidation, Policy, Role
from cache_admin.selectors.stored import Preview, policy_preview, tenant_preview
from cache_admin.services.invalidations import (
    InvalidationSpec,
    clear_policy,
    clear_tenant,
    request_invalidation,
)

if TYPE_CHECKING:
    from rest_framework.request import Request

    from cache_admin.querysets import TenantOwnedQuerySet


class InvalidationView(TenantView):
    write_role = Role.OPERATOR

    def invalidations(self) -> TenantOwnedQuerySet[Invalidation]:
        return Invalidation.objects.for_tenant(self.tenant)


class InvalidationList(InvalidationView):
    @extend_schema(
        operation_id="invalidations_list",
        parameters=PAGING,
        responses=page_schema(InvalidationSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """What was asked to be removed, newest first."""
        page = page_of(self.invalidations(), request, by="id", descending=True)
        return paged(page, InvalidationSerializer)

    @extend_schema(
        operation_id="invalidations_create",
        parameters=[REVISION],
        request=NewInvalidationSerializer,
        responses={201: InvalidationSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Have an entry, a tag, a user, a policy, a document or the whole tenant removed.

        A policy, a document and the tenant are out of reach at once; everything is removed by a
        worker, whose receipt the invalidation then shows.
        """
        spec = InvalidationSpec(**parsed(NewInvalidationSerializer(data=request.data)))
        row = request_invalidation(tenant=self.tenant, actor=actor_of(request), spec=spec)
        return _asked(row)


class InvalidationDetail(InvalidationView):
    @extend_schema(operation_id="invalidations_retrieve", responses=InvalidationSerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """One removal: how far it is and, at the end, its receipt."""
        row = get_object_or_404(self.invalidations(), uid=uid)
        return Response(InvalidationSerializer(row).data)


class PolicyClear(TenantView):
    write_role = Role.OPERATOR

    @extend_schema(operation_id="policies_clear_preview", responses=ClearPreviewSerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """How many stored answers clearing the policy would retire now."""
        return _previewed(policy_preview(self._policy(uid)))

    @extend_schema(
        operation_id="policies_clear",
        parameters=[REVISION],
        request=ClearInputSerializer,
        responses={201: InvalidationSerializer},
    )
    def post(self, request: Request, slug: str, uid: str) -> Response:
        """Clear a policy: none of its stored answers is served any more, at once."""
        note = parsed(ClearInputSerializer(data=request.data))["note"]
        return _asked(clear_policy(policy=self._policy(uid), actor=actor_of(request), note=note))

    def _policy(self, uid: str) -> Policy:
        return get_object_or_404(Policy.objects.for_tenant(self.tenant), uid=uid)


class TenantClear(TenantView):
    write_role = Role.OPERATOR

    @extend_schema(operation_id="tenants_clear_preview", responses=ClearPreviewSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """How many stored answers clearing the tenant would retire now."""
        return _previewed(tenant_preview(self.tenant))

    @extend_schema(
        operation_id="tenants_clear",
        parameters=[REVISION],
        request=ClearInputSerializer,
        responses={201: InvalidationSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Clear the tenant: none of its stored answers is served any more, at once."""
        note = parsed(ClearInputSerializer(data=request.data))["note"]
        return _asked(clear_tenant(tenant=self.tenant, actor=actor_of(request), note=note))


def _asked(row: Invalidation) -> Response:
    row.refresh_from_db()
    return Response(InvalidationSerializer(row).data, status=201, headers=revision_header())


def _previewed(preview: Preview | None) -> Response:
    entries = None if preview is None else preview.entries
    exact = preview is not None and preview.exact
    return Response(ClearPreviewSerializer({"retires_entries": entries, "exact": exact}).data)
